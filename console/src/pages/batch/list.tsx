import {
  CreateModelInvocationJobCommand,
  ListModelInvocationJobsCommand,
  type ModelInvocationJobSummary,
  StopModelInvocationJobCommand,
} from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { bedrockRoles } from '../../app/bedrock-roles.ts';
import { useDraft } from '../../app/draft.ts';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { byCreationTime, ResourceTable } from '../../app/resource-table.tsx';
import { S3PlaceField } from '../../app/s3-place-field.tsx';
import { Status, statusChoice, when } from '../../app/show.tsx';
import { WaitingNote } from '../../app/waiting.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { SourceModel } from '../custom-models/source-model.tsx';
import { useServableModels } from '../provisioned-throughput/servable-models.ts';

const RUNNING: readonly (string | undefined)[] = ['Submitted', 'Validating', 'Scheduled', 'InProgress', 'Stopping'];

export default function BatchInferencePage() {
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [stopping, setStopping] = useState<ModelInvocationJobSummary>();
  const reload = () => queries.invalidateQueries({ queryKey: ['batch-jobs'] });
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Draws every prompt of a file in S3, and writes the pictures back.">
          Batch inference
        </Header>
      }
    >
      <ResourceTable<ModelInvocationJobSummary>
        name="Batch inference jobs"
        queryKey={['batch-jobs']}
        filterLabel="Find jobs by name"
        orderedBy="submitted"
        choice={statusChoice(
          ...['Submitted', 'Validating', 'Scheduled', 'InProgress', 'Stopping'],
          ...['Completed', 'PartiallyCompleted', 'Failed', 'Stopped', 'Expired'],
        )}
        selection="single"
        idOf={job => job.jobName ?? ''}
        isChanging={job => RUNNING.includes(job.status)}
        load={async request => {
          const answer = await bedrock().send(new ListModelInvocationJobsCommand(byCreationTime(request)));
          return { rows: answer.invocationJobSummaries ?? [], nextToken: answer.nextToken };
        }}
        columns={[
          { id: 'name', header: 'Job name', isRowHeader: true, cell: job => job.jobName },
          {
            id: 'status',
            header: 'Status',
            cell: job => (
              <>
                <Status status={job.status} />
                {job.status === 'InProgress' && <WaitingNote jobArn={job.jobArn} />}
                {job.message && <Box fontSize="body-s">{job.message}</Box>}
              </>
            ),
          },
          { id: 'model', header: 'Model', cell: job => <BatchModel modelId={job.modelId} /> },
          {
            id: 'output',
            header: 'Output',
            cell: job => job.outputDataConfig?.s3OutputDataConfig?.s3Uri ?? '–',
          },
          { id: 'submitted', header: 'Submitted', sortingField: 'submitTime', cell: job => when(job.submitTime) },
        ]}
        actions={([job]) => (
          <>
            <Button disabled={!RUNNING.includes(job?.status)} onClick={() => setStopping(job)}>
              Stop job
            </Button>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Create job
            </Button>
          </>
        )}
        empty={{
          text: 'No batch inference jobs yet.',
          action: <Button onClick={() => setCreating(true)}>Create job</Button>,
        }}
      />
      {stopping && (
        <FormModal
          title={`Stop batch job ${stopping.jobName}?`}
          action="Stop job"
          isComplete
          submit={() => bedrock().send(new StopModelInvocationJobCommand({ jobIdentifier: stopping.jobArn }))}
          done={reload}
          close={() => setStopping(undefined)}
        >
          <Box>What it has drawn so far is written to the output. A stopped job cannot go on.</Box>
        </FormModal>
      )}
      {creating && <CreateBatchJob created={reload} close={() => setCreating(false)} />}
    </ContentLayout>
  );
}

/** As the job was given it: an id of the catalogue, or an ARN. */
function BatchModel({ modelId }: { modelId: string | undefined }) {
  return modelId?.startsWith('arn:') ? <SourceModel arn={modelId} /> : modelId;
}

function CreateBatchJob({ created, close }: { created(): void; close(): void }) {
  const [draft, change, forget] = useDraft('batch-job', {
    jobName: '',
    modelId: '',
    input: '',
    output: '',
    roleArn: '',
  });
  const models = useServableModels('ON_DEMAND');
  const roles = useQuery({ queryKey: ['roles', 'bedrock'], queryFn: bedrockRoles });
  const options = (roles.data ?? []).map(({ RoleName, Arn }) => ({ value: Arn ?? '', label: RoleName ?? '' }));
  return (
    <FormModal
      title="Create batch inference job"
      action="Create job"
      isComplete={Object.values(draft).every(value => value !== '') && isName('job', draft.jobName)}
      submit={() =>
        bedrock().send(
          new CreateModelInvocationJobCommand({
            jobName: draft.jobName,
            modelId: draft.modelId,
            roleArn: draft.roleArn,
            inputDataConfig: { s3InputDataConfig: { s3Uri: draft.input } },
            outputDataConfig: { s3OutputDataConfig: { s3Uri: draft.output } },
          }),
        )
      }
      done={() => {
        forget();
        notify('success', `The batch job ${draft.jobName} was created.`);
        created();
      }}
      close={close}
    >
      <NameField label="Job name" kind="job" name={draft.jobName} change={jobName => change({ jobName })} />
      <FormField label="Model" errorText={models.error?.message}>
        <Select
          options={models.options}
          selectedOption={models.options.find(({ value }) => value === draft.modelId) ?? null}
          placeholder="Choose a model"
          filteringType="auto"
          statusType={models.isPending ? 'loading' : 'finished'}
          loadingText="Loading models"
          onChange={({ detail }) => change({ modelId: detail.selectedOption.value ?? '' })}
        />
      </FormField>
      <S3PlaceField
        label="Input data"
        description="A .jsonl file with a record a line."
        kind="object"
        placeholder="s3://bucket/prefix/prompts.jsonl"
        uri={draft.input}
        onChange={input => change({ input })}
      />
      <S3PlaceField
        label="Output data"
        description="Pictures and a manifest are written below it."
        kind="prefix"
        uri={draft.output}
        onChange={output => change({ output })}
      />
      <FormField label="Service role" errorText={roles.error?.message}>
        <Select
          options={options}
          selectedOption={options.find(({ value }) => value === draft.roleArn) ?? null}
          placeholder="Choose a role"
          empty="No role trusts bedrock.amazonaws.com."
          filteringType="auto"
          onChange={({ detail }) => change({ roleArn: detail.selectedOption.value ?? '' })}
        />
      </FormField>
    </FormModal>
  );
}
