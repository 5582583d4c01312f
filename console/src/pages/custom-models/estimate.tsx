import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { evenlySpread } from '../../app/evenly-spread.ts';
import { problemOf } from '../../app/fault-alert.tsx';
import { size } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { useCaptions } from './hyperparameters.tsx';
import { hyperParametersOf, type JobDraft } from './job-draft.ts';

interface EstimateAnswer {
  currency: string | null;
  stepCount: number;
  concept: 'subject' | 'style' | null;
  imagesSeen: number;
  minutes: { low: number; expected: number; high: number } | null;
  peakMemoryBytes: number | null;
  score: { low: number; high: number; jobs: number } | null;
  cost: number | null;
  queue: { trainingSlots: number; unfinishedJobs: number };
}

/** The route takes as many. */
const MOST_CAPTIONS = 200;

/** What the job may take, from those that were completed here before; the route guesses nothing. */
export function Estimate({ draft }: { draft: JobDraft }) {
  const captions = useCaptions(draft.trainingData);
  const imageCount = captions?.length;
  const hyperParameters = hyperParametersOf(draft);
  const { data, error } = useQuery({
    queryKey: ['estimate', draft.baseModelId, draft.trainingData, imageCount, hyperParameters],
    enabled: captions !== undefined && hyperParameters.stepCount !== '',
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: () =>
      callRoute<EstimateAnswer>({
        method: 'POST',
        path: '/estimate',
        body: {
          customizationJob: {
            ...{ baseModelIdentifier: draft.baseModelId, imageCount, hyperParameters },
            captions: evenlySpread(captions ?? [], MOST_CAPTIONS),
          },
        },
      }),
  });
  return (
    <Container header={<Header variant="h2">Estimate</Header>}>
      {error ? (
        <Box color="text-status-error">{problemOf(error).message}</Box>
      ) : data && imageCount !== undefined ? (
        <KeyValuePairs columns={1} items={itemsOf(data, imageCount, hyperParameters.concept !== undefined)} />
      ) : (
        <Box color="text-body-secondary">Choose a training dataset: its images are counted for it.</Box>
      )}
    </Container>
  );
}

function itemsOf(
  data: EstimateAnswer,
  imageCount: number,
  isConceptGiven: boolean,
): { label: string; value: string }[] {
  const { concept, minutes, peakMemoryBytes, score, cost, currency, queue } = data;
  const waiting = queue.unfinishedJobs >= queue.trainingSlots;
  return [
    { label: 'Images', value: imageCount.toLocaleString() },
    { label: 'Steps', value: `${data.stepCount.toLocaleString()}, ${data.imagesSeen.toLocaleString()} images seen` },
    ...(concept === null
      ? []
      : [{ label: 'Trained as', value: `A ${concept}${isConceptGiven ? '' : ', by its captions'}` }]),
    {
      label: 'Time',
      value: minutes
        ? `About ${Math.ceil(minutes.expected)} minutes (${Math.floor(minutes.low)} to ${Math.ceil(minutes.high)})`
        : 'Known after the first job on this machine',
    },
    ...(peakMemoryBytes === null ? [] : [{ label: 'Memory', value: size(peakMemoryBytes) }]),
    ...(score === null
      ? []
      : [
          {
            label: 'Best score',
            value:
              score.jobs === 1
                ? `${score.high.toFixed(2)} in the job before`
                : `${score.low.toFixed(2)} to ${score.high.toFixed(2)} in ${score.jobs} jobs before`,
          },
        ]),
    ...(cost === null ? [] : [{ label: 'Cost', value: `${cost.toFixed(2)} ${currency}` }]),
    ...(waiting ? [{ label: 'Queue', value: 'It will wait for another job to end' }] : []),
  ];
}
