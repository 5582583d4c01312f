import Alert from '@cloudscape-design/components/alert';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { To } from '../../app/show.tsx';
import { type AdviceAnswer, adviceText, useAdvice } from './advice.ts';
import { jobPath } from './paths.ts';

const VERDICTS: Readonly<Record<AdviceAnswer['advice'], string>> = {
  enough: 'It has learnt what it was shown',
  moreSteps: 'It would get better with more steps',
  fewerSteps: 'Fewer steps may be better',
  largerBatchOrLearningRate: 'It has learnt little',
  gentlerOrAnotherBase: 'It no longer draws what prompts say',
  notMeasured: 'How good it is was not measured',
};

interface HowGoodProps {
  modelArn: string | undefined;
  jobArn: string | undefined;
  jobName: string | undefined;
}

/** How good a model is by its training's own evaluations, why it draws as it does, and what to do next. */
export function HowGood({ modelArn, jobArn, jobName }: HowGoodProps) {
  const { data, error } = useAdvice(jobArn, true);
  // A copy's job is another Region's or account's.
  if (error?.name === 'ResourceNotFoundException') return null;
  if (error) return <FaultAlert error={error} />;
  if (!data) return null;
  const job = <To to={jobPath(jobName)}>{jobName ?? ''}</To>;
  return (
    <SpaceBetween size="l">
      {data.modelArn === modelArn ? (
        <Alert type={data.advice === 'enough' ? 'success' : 'info'} header={VERDICTS[data.advice]}>
          {adviceText(data)}{' '}
          {data.advice === 'notMeasured' ? (
            'Draw with it to see.'
          ) : (
            <>Scores along the steps, and other checkpoints: {job}.</>
          )}
        </Alert>
      ) : (
        <Alert type="info" header="A checkpoint of a training">
          Its scores stand beside those of the other steps at the job {job}.
        </Alert>
      )}
      {data.warnings.map(warning => (
        <Alert key={warning} type="warning">
          {warning}
        </Alert>
      ))}
    </SpaceBetween>
  );
}
