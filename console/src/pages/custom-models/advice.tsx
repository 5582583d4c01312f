import Alert from '@cloudscape-design/components/alert';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { lastOf } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import type { Evaluation } from './job-events.ts';

interface AdviceAnswer {
  advice: 'moreSteps' | 'fewerSteps' | 'largerBatchOrLearningRate' | 'enough' | 'notMeasured';
  message: string;
}

/** Scores along the steps and, once the job has ended, what to change next time. */
export function Advice(props: { jobArn: string; evaluations: readonly Evaluation[]; isRunning: boolean }) {
  const jobId = lastOf(props.jobArn);
  const { data, error } = useQuery({
    queryKey: ['advice', jobId, props.isRunning],
    queryFn: () => callRoute<AdviceAnswer>({ method: 'GET', path: `/jobs/${jobId}/advice` }),
    enabled: !props.isRunning,
  });
  return (
    <Container
      header={
        <Header variant="h2" description="Measured while it trained; scores are cosines, higher is better.">
          Evaluation
        </Header>
      }
    >
      <SpaceBetween size="m">
        {error && <FaultAlert error={error} />}
        {data && <Alert type={data.advice === 'enough' ? 'success' : 'info'}>{data.message}</Alert>}
        <Table
          variant="embedded"
          ariaLabels={{ tableLabel: 'Evaluations' }}
          items={props.evaluations}
          columnDefinitions={[
            {
              id: 'step',
              header: 'Step',
              isRowHeader: true,
              cell: row =>
                row.isBest ? <StatusIndicator type="success">{row.step} (best so far)</StatusIndicator> : row.step,
            },
            { id: 'score', header: 'Score', cell: row => row.score.toFixed(3) },
            { id: 'subject', header: 'Subject fidelity', cell: row => row.subjectFidelity?.toFixed(3) ?? '–' },
            { id: 'prompt', header: 'Prompt fidelity', cell: row => row.promptFidelity?.toFixed(3) ?? '–' },
            { id: 'loss', header: 'Validation loss', cell: row => row.validationLoss.toFixed(4) },
          ]}
          empty={props.isRunning ? 'No evaluation yet.' : 'This job was too short for evaluations.'}
        />
      </SpaceBetween>
    </Container>
  );
}
