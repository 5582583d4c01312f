import Box from '@cloudscape-design/components/box';
import LineChart from '@cloudscape-design/components/line-chart';
import type { JobProgress } from './job-progress.ts';

/** More points than pixels show nothing more. */
const MOST_POINTS = 300;

/** Training loss (each point the mean of the steps it stands for) and validation loss along the steps. */
export function LossChart({ progress: { losses, evaluations } }: { progress: JobProgress }) {
  const stride = Math.max(1, Math.ceil(losses.length / MOST_POINTS));
  const points = Array.from({ length: Math.ceil(losses.length / stride) }, (_, index) => {
    const part = losses.slice(index * stride, (index + 1) * stride);
    const mean = part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    return { x: part[0]?.step ?? 0, y: mean };
  });
  const validation = evaluations.map(({ step, validationLoss }) => ({ x: step, y: validationLoss }));
  const ys = [...points, ...validation].map(({ y }) => y);
  const lastStep = Math.max(1, losses.at(-1)?.step ?? 1);
  return (
    <LineChart
      ariaLabel="Training loss along the steps"
      series={[
        { type: 'line', title: 'Training loss', data: points, valueFormatter: lossText },
        ...(validation.length > 0
          ? [{ type: 'line' as const, title: 'Validation loss', data: validation, valueFormatter: lossText }]
          : []),
      ]}
      xDomain={[0, lastStep]}
      yDomain={ys.length > 0 ? [Math.min(0, ...ys), Math.max(...ys) * 1.1 || 1] : [0, 1]}
      xScaleType="linear"
      xTitle="Step"
      xTickFormatter={step => (Number.isInteger(step) ? step.toLocaleString() : '')}
      yTitle="Loss"
      height={260}
      hideFilter
      empty={
        <Box textAlign="center" color="text-body-secondary">
          Nothing has been measured yet.
        </Box>
      }
    />
  );
}

function lossText(value: number): string {
  return value.toFixed(4);
}
