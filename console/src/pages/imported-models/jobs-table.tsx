import {
  GetModelImportJobCommand,
  ListModelImportJobsCommand,
  type ModelImportJobSummary,
} from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { problemOf } from '../../app/fault-alert.tsx';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { Status, statusChoice, when } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { ImportModel } from './import-model.tsx';

export function ImportJobsTable() {
  const [importing, setImporting] = useState(false);
  return (
    <>
      <ResourceTable<ModelImportJobSummary>
        name="Import jobs"
        queryKey={['import-jobs']}
        filterLabel="Find jobs by name"
        orderedBy="created"
        choice={statusChoice('InProgress', 'Completed', 'Failed')}
        idOf={job => job.jobName ?? ''}
        isChanging={job => job.status === 'InProgress'}
        load={async request => {
          const answer = await bedrock().send(new ListModelImportJobsCommand(byCreationTime(request)));
          return { rows: answer.modelImportJobSummaries ?? [], nextToken: answer.nextToken };
        }}
        columns={[
          { id: 'name', header: 'Job name', isRowHeader: true, cell: job => job.jobName },
          {
            id: 'status',
            header: 'Status',
            cell: job => (
              <>
                <Status status={job.status} />
                {job.status === 'Failed' && <FailureMessage jobArn={job.jobArn} />}
              </>
            ),
          },
          { id: 'model', header: 'Imported model', cell: job => job.importedModelName },
          { id: 'created', header: 'Creation time', sortingField: 'creationTime', cell: job => when(job.creationTime) },
          { id: 'ended', header: 'End time', cell: job => when(job.endTime) },
        ]}
        actions={() => (
          <Button variant="primary" onClick={() => setImporting(true)}>
            Import model
          </Button>
        )}
        empty={{
          text: 'Nothing was imported yet.',
          action: <Button onClick={() => setImporting(true)}>Import model</Button>,
        }}
      />
      {importing && <ImportModel close={() => setImporting(false)} />}
    </>
  );
}

/** The list does not tell why a job failed; the job does, and it stays so. */
function FailureMessage({ jobArn }: { jobArn: string | undefined }) {
  const { data, error } = useQuery({
    queryKey: ['import-jobs', 'failure', jobArn],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => bedrock().send(new GetModelImportJobCommand({ jobIdentifier: jobArn })),
  });
  return <Box fontSize="body-s">{error ? problemOf(error).message : data?.failureMessage}</Box>;
}
