import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { navigate } from '../../app/router.ts';
import { lastOf, when } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { adviceText, useAdvice } from './advice.ts';
import type { Evaluation } from './job-progress.ts';
import { modelPath } from './paths.ts';

const PAGE = 20;

interface EvaluationProps {
  jobArn: string;
  modelName: string;
  evaluations: readonly Evaluation[];
  isRunning: boolean;
  isCompleted: boolean;
}

/** Scores along the steps and, once the job has ended, what to change next time, and other checkpoints to make models of. */
export function EvaluationSection({ jobArn, modelName, evaluations, isRunning, isCompleted }: EvaluationProps) {
  const jobId = lastOf(jobArn);
  const [promoting, setPromoting] = useState<number>();
  const [page, setPage] = useState(1);
  // Each that was the best when it was measured says so; the last of them is.
  const best = evaluations.findLast(({ isBest }) => isBest)?.step;
  const pages = Math.ceil(evaluations.length / PAGE);
  const advice = useAdvice(jobArn, !isRunning);
  const kept = useQuery({
    queryKey: ['checkpoints', jobId],
    queryFn: () =>
      callRoute<{ checkpoints: { step: number; expiresAt: string }[] }>({
        method: 'GET',
        path: `/jobs/${jobId}/checkpoints`,
      }),
    enabled: isCompleted,
  });
  const untilOf = new Map((kept.data?.checkpoints ?? []).map(({ step, expiresAt }) => [step, expiresAt]));
  const promotion: TableProps.ColumnDefinition<Evaluation>[] = [
    {
      id: 'kept',
      header: 'Checkpoint',
      cell: ({ step }) => {
        const until = untilOf.get(step);
        if (until === undefined) return '–';
        return (
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <Button ariaLabel={`Promote the checkpoint of step ${step}`} onClick={() => setPromoting(step)}>
              Promote
            </Button>
            <span>until {when(new Date(until))}</span>
          </SpaceBetween>
        );
      },
    },
  ];
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Measured while it trained. The score is subject and prompt fidelity together, less what the base forgot and what is copied; higher is better. Step 0 is the base, untouched."
        >
          Evaluation
        </Header>
      }
    >
      <SpaceBetween size="m">
        {advice.error && <FaultAlert error={advice.error} />}
        {kept.error && <FaultAlert error={kept.error} />}
        {advice.data && (
          <Alert type={advice.data.advice === 'enough' ? 'success' : 'info'} header="Advice for the next job">
            {adviceText(advice.data)}
          </Alert>
        )}
        <Table
          variant="embedded"
          ariaLabels={{ tableLabel: 'Evaluations' }}
          items={evaluations.slice((page - 1) * PAGE, page * PAGE)}
          pagination={
            pages > 1 && (
              <Pagination
                currentPageIndex={page}
                pagesCount={pages}
                onChange={({ detail }) => setPage(detail.currentPageIndex)}
                ariaLabels={{
                  paginationLabel: 'Pages of evaluations',
                  nextPageLabel: 'Next page',
                  previousPageLabel: 'Previous page',
                  pageLabel: number => `Page ${number}`,
                }}
              />
            )
          }
          columnDefinitions={[
            {
              id: 'step',
              header: 'Step',
              isRowHeader: true,
              cell: row =>
                row.step === best ? (
                  <StatusIndicator type="success">
                    {row.step.toLocaleString()} ({isRunning ? 'best so far' : 'best'})
                  </StatusIndicator>
                ) : (
                  row.step.toLocaleString()
                ),
            },
            { id: 'score', header: 'Score', cell: row => row.score.toFixed(3) },
            { id: 'subject', header: 'Subject fidelity', cell: row => row.subjectFidelity?.toFixed(3) ?? '–' },
            { id: 'prompt', header: 'Prompt fidelity', cell: row => row.promptFidelity?.toFixed(3) ?? '–' },
            { id: 'loss', header: 'Validation loss', cell: row => row.validationLoss.toFixed(4) },
            ...(untilOf.size > 0 ? promotion : []),
          ]}
          empty={isRunning ? 'No evaluation yet.' : 'This job was too short for evaluations.'}
        />
      </SpaceBetween>
      {promoting !== undefined && (
        <Promote jobId={jobId} step={promoting} modelName={modelName} close={() => setPromoting(undefined)} />
      )}
    </Container>
  );
}

interface PromoteProps {
  jobId: string;
  step: number;
  modelName: string;
  close(): void;
}

/** Another checkpoint becomes a model of its own beside the job's. */
function Promote({ jobId, step, modelName, close }: PromoteProps) {
  const [name, setName] = useState(`${modelName}-step-${step}`);
  return (
    <FormModal
      title={`Promote the checkpoint of step ${step}`}
      action="Promote"
      isComplete={isName('model', name)}
      submit={() =>
        callRoute({ method: 'POST', path: `/jobs/${jobId}/checkpoints/${step}/promote`, body: { modelName: name } })
      }
      done={() => {
        navigate(modelPath(name));
        notify('success', `The checkpoint of step ${step} is now the custom model ${name}.`);
      }}
      close={close}
    >
      <p>It becomes a custom model of its own. {modelName} stays as it is, and so does what it serves.</p>
      <NameField label="Custom model name" kind="model" name={name} change={setName} />
    </FormModal>
  );
}
