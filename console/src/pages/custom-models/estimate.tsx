import Box from '@cloudscape-design/components/box';
import { useQuery } from '@tanstack/react-query';
import { callRoute } from '../../aws/clients.ts';
import type { JobDraft } from './job-draft.ts';

interface EstimateAnswer {
  currency: string | null;
  minutes: { low: number; expected: number; high: number } | null;
  cost: number | null;
}

/** How long the job may train, from those that were completed here before; the route guesses nothing. */
export function Estimate({ draft, imageCount }: { draft: JobDraft; imageCount: number }) {
  const stepCount = draft.isAutomatic ? 'auto' : draft.stepCount;
  const hyperParameters = { stepCount, batchSize: draft.batchSize, learningRate: draft.learningRate };
  const { data } = useQuery({
    queryKey: ['estimate', draft.baseModelId, imageCount, hyperParameters],
    enabled: stepCount !== '',
    queryFn: () =>
      callRoute<EstimateAnswer>({
        method: 'POST',
        path: '/estimate',
        body: { customizationJob: { baseModelIdentifier: draft.baseModelId, imageCount, hyperParameters } },
      }),
  });
  if (!data) return null;
  const { minutes, cost, currency } = data;
  return (
    <Box color="text-body-secondary">
      {minutes
        ? `Trains for about ${Math.ceil(minutes.expected)} minutes (${Math.floor(minutes.low)} to ${Math.ceil(minutes.high)})`
        : 'How long it trains is known after the first job on this machine'}
      {cost === null ? '.' : `, at a cost of ${cost.toFixed(2)} ${currency}.`}
    </Box>
  );
}
