import { ListModelCustomizationJobsCommand, type ModelCustomizationJobSummary } from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { hrefOf } from '../../app/router.ts';
import { Status, statusChoice, To, when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { CustomizeModel } from './customize-model.tsx';
import { jobPath } from './paths.ts';
import { SourceModel } from './source-model.tsx';

export function JobsTable() {
  return (
    <ResourceTable<ModelCustomizationJobSummary>
      name="Training jobs"
      queryKey={['jobs']}
      filterLabel="Find jobs by name"
      orderedBy="created"
      choice={statusChoice('InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped')}
      idOf={job => job.jobName ?? ''}
      isChanging={job => job.status === 'InProgress' || job.status === 'Stopping'}
      load={async request => {
        const answer = await bedrock().send(new ListModelCustomizationJobsCommand(byCreationTime(request)));
        return { rows: answer.modelCustomizationJobSummaries ?? [], nextToken: answer.nextToken };
      }}
      columns={[
        {
          id: 'name',
          header: 'Job name',
          isRowHeader: true,
          cell: job => <To to={jobPath(job.jobName)}>{job.jobName ?? ''}</To>,
        },
        { id: 'status', header: 'Status', cell: job => <Status status={job.status} /> },
        { id: 'model', header: 'Custom model name', cell: job => job.customModelName ?? '–' },
        { id: 'base', header: 'Source model', cell: job => <SourceModel arn={job.baseModelArn} /> },
        { id: 'created', header: 'Creation time', sortingField: 'creationTime', cell: job => when(job.creationTime) },
      ]}
      actions={() => <CustomizeModel />}
      empty={{
        text: 'No training jobs yet.',
        action: <Button href={hrefOf('/custom-models/create')}>Create fine-tuning job</Button>,
      }}
    />
  );
}
