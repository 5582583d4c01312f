import {
  GetModelCustomizationJobCommand,
  type GetModelCustomizationJobCommandOutput,
  StopModelCustomizationJobCommand,
} from '@aws-sdk/client-bedrock';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { duration } from '../../app/duration.ts';
import { FailedPage } from '../../app/failed-page.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import type { PageProps } from '../../app/page-props.ts';
import { hrefOf } from '../../app/router.ts';
import { lastOf, Status, To, when } from '../../app/show.tsx';
import { WaitingAlert } from '../../app/waiting.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { DataErrors } from './data-errors.tsx';
import { DataSetLink } from './data-set-link.tsx';
import { EvaluationSection } from './evaluation.tsx';
import { useJobProgress } from './job-events.ts';
import { JobFailure } from './job-failure.tsx';
import { JobLog } from './job-log.tsx';
import { shownHyperParameters } from './job-options.ts';
import { LossChart } from './loss-chart.tsx';
import { OutputLink } from './output-link.tsx';
import { modelPath } from './paths.ts';
import { Samples } from './samples.tsx';
import { SourceModel } from './source-model.tsx';

type Job = GetModelCustomizationJobCommandOutput;

const REFRESH_MILLISECONDS = 3000;
const isRunning = (job: Job | undefined) => job?.status === 'InProgress' || job?.status === 'Stopping';

/** One fine-tuning job, live. */
export default function JobPage({ params }: PageProps) {
  const jobName = params.jobName ?? '';
  const {
    data: job,
    error,
    refetch,
  } = useQuery({
    queryKey: ['jobs', 'one', jobName],
    queryFn: () => bedrock().send(new GetModelCustomizationJobCommand({ jobIdentifier: jobName })),
    refetchInterval: query => (isRunning(query.state.data) ? REFRESH_MILLISECONDS : false),
  });
  const progress = useJobProgress(job && lastOf(job.jobArn), () => refetch());

  if (error) return <FailedPage title={jobName} error={error} retry={() => refetch()} />;
  if (!job) return <Spinner size="large" />;
  const last = progress.losses.at(-1);
  const doing = last
    ? stepsText(last.step + 1, job, progress.secondsLeft)
    : (progress.phase ?? (isRunning(job) ? 'It waits for its turn, or its pictures are being checked.' : undefined));
  return (
    <ContentLayout
      header={
        <Header variant="h1" actions={<Actions job={job} changed={() => refetch()} />}>
          {jobName}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {job.failureMessage && (
          <JobFailure message={job.failureMessage} roleArn={job.roleArn} jobId={lastOf(job.jobArn)} />
        )}
        {isRunning(job) && <WaitingAlert jobArn={job.jobArn} />}
        {job.status === 'Failed' && <DataErrors jobId={lastOf(job.jobArn)} />}
        {progress.warnings.map(({ kind, message, count }) => (
          <Alert key={kind} type="warning">
            {message}
            {count > 1 && ` (${count.toLocaleString()} times)`}
          </Alert>
        ))}
        <Phases job={job} doing={doing} />
        <Samples
          jobArn={job.jobArn}
          outputUri={job.outputDataConfig?.s3Uri}
          evaluationCount={progress.evaluations.length}
          isRunning={isRunning(job)}
        />
        {(last || progress.error !== undefined) && (
          <Container header={<Header variant="h2">Training loss</Header>}>
            {progress.error !== undefined && <FaultAlert error={progress.error} />}
            {last && <LossChart progress={progress} />}
          </Container>
        )}
        {(progress.evaluations.length > 0 || last || isRunning(job)) && (
          <EvaluationSection
            jobArn={job.jobArn ?? ''}
            modelName={job.outputModelName ?? ''}
            evaluations={progress.evaluations}
            isRunning={isRunning(job)}
            isCompleted={job.status === 'Completed'}
          />
        )}
        <Details job={job} />
        <JobLog jobId={lastOf(job.jobArn)} log={progress.log} status={job.status} />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Actions({ job, changed }: { job: Job; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {!isRunning(job) && (
        <Button href={hrefOf(`/custom-models/create?from=${encodeURIComponent(job.jobName ?? '')}`)}>
          Create job like this
        </Button>
      )}
      <Button disabled={job.status !== 'InProgress'} onClick={() => setAsking(true)}>
        Stop job
      </Button>
      {job.status === 'Completed' && (
        <Button variant="primary" href={hrefOf(modelPath(job.outputModelName))}>
          Open the model
        </Button>
      )}
      {asking && (
        <FormModal
          title="Stop this job?"
          action="Stop job"
          isComplete
          submit={() => bedrock().send(new StopModelCustomizationJobCommand({ jobIdentifier: job.jobArn }))}
          done={changed}
          close={() => setAsking(false)}
        >
          <Box>
            A stopped job cannot be resumed, and makes no model. What it drew so far stays to be looked at here. Nothing
            is written to its output.
          </Box>
        </FormModal>
      )}
    </SpaceBetween>
  );
}

function Details({ job }: { job: Job }) {
  return (
    <Container header={<Header variant="h2">Job details</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          {
            label: 'Custom model name',
            value:
              job.status === 'Completed' ? (
                <To to={modelPath(job.outputModelName)}>{job.outputModelName ?? ''}</To>
              ) : (
                job.outputModelName
              ),
          },
          { label: 'Source model', value: <SourceModel arn={job.baseModelArn} /> },
          { label: 'Creation time', value: when(job.creationTime) },
          { label: 'End time', value: when(job.endTime) },
          { label: 'Service role', value: lastOf(job.roleArn) },
          ...shownHyperParameters(job.hyperParameters),
          { label: 'Input data', value: <DataSetLink uri={job.trainingDataConfig?.s3Uri} /> },
          { label: 'Output data', value: <OutputLink uri={job.outputDataConfig?.s3Uri} /> },
          { label: 'Job ARN', value: <Box variant="code">{job.jobArn}</Box> },
        ]}
      />
    </Container>
  );
}

/** How far it is and, while it runs, how long it takes yet. */
function stepsText(done: number, job: Job, secondsLeft: number | undefined): string {
  const all = Number(job.hyperParameters?.stepCount);
  const left = isRunning(job) && secondsLeft !== undefined ? `, about ${duration(secondsLeft)} left` : '';
  return `Step ${done.toLocaleString()}${all ? ` of ${all.toLocaleString()}` : ''}${left}`;
}

/** @param doing what it does now, or came to */
function Phases({ job, doing }: { job: Job; doing: string | undefined }) {
  const { validationDetails, dataProcessingDetails, trainingDetails } = job.statusDetails ?? {};
  const phases = [
    { label: 'Validation', phase: validationDetails },
    { label: 'Data processing', phase: dataProcessingDetails },
    { label: 'Training', phase: trainingDetails },
  ];
  return (
    <Container
      header={
        <Header variant="h2" description={doing}>
          Progress
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        items={[
          { label: 'Status', value: <Status status={job.status} /> },
          ...phases.map(({ label, phase }) => ({
            label,
            value: (
              <SpaceBetween size="xxs">
                <Status status={phase?.status} />
                {phase?.creationTime && (
                  <Box color="text-body-secondary" fontSize="body-s">
                    Since {when(phase.creationTime)}
                  </Box>
                )}
              </SpaceBetween>
            ),
          })),
        ]}
      />
    </Container>
  );
}
