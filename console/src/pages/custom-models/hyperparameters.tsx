import Alert from '@cloudscape-design/components/alert';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { listBaseModels } from '../../aws/base-models.ts';
import { readManifestAt } from '../../aws/manifest.ts';
import { placeOf } from '../../aws/s3-uri.ts';
import { AdvancedHyperparameters } from './advanced-hyperparameters.tsx';
import { problemsOf, type SectionProps } from './job-draft.ts';
import { recommendedSteps } from './recommended-steps.ts';

const bounds = limits.hyperParameters;

export function Hyperparameters({ draft, change }: SectionProps) {
  const images = useCaptions(draft.trainingData)?.length;
  const tabled = images === undefined ? undefined : recommendedSteps(images);
  const problems = problemsOf(draft);
  // Whoever may not ask goes without the sentence.
  const bases = useQuery({ queryKey: ['base-models', 'all'], queryFn: listBaseModels, retry: false });
  const base = bases.data?.find(({ modelId }) => modelId === draft.baseModelId);
  const usual = base?.usualSteps ?? undefined;
  const recommended = usual ?? tabled;
  const steps = draft.isAutomatic ? recommended : Number(draft.stepCount);
  return (
    <Container header={<Header variant="h2">Hyperparameters</Header>}>
      <SpaceBetween size="l">
        {recommended !== undefined && (
          <Alert type="info">
            {images !== undefined && `${images.toLocaleString()} images: `}
            {usual === undefined
              ? `${recommended.toLocaleString()} steps are recommended`
              : `${base?.baseModelName}, which answers here, usually takes about ${usual.toLocaleString()} steps of 8`}
            {steps
              ? `. With ${steps.toLocaleString()} steps of ${draft.batchSize}, each image is seen about ${timesSeen(steps * Number(draft.batchSize), images ?? 1)}`
              : ''}
            . If the model repeats its training pictures, train fewer steps; if the subject is hardly there, more.
          </Alert>
        )}
        <FormField label="Number of steps">
          <RadioGroup
            value={draft.isAutomatic ? 'auto' : 'custom'}
            onChange={({ detail }) =>
              change({
                isAutomatic: detail.value === 'auto',
                stepCount: draft.stepCount === '' && recommended !== undefined ? String(recommended) : draft.stepCount,
              })
            }
            items={[
              {
                value: 'auto',
                label: 'Auto',
                description: automaticText(usual, tabled),
              },
              { value: 'custom', label: 'Custom', description: 'Exactly so many; the last one is the model.' },
            ]}
          />
        </FormField>
        <ColumnLayout columns={3}>
          {!draft.isAutomatic && (
            <FormField
              label="Steps"
              errorText={problems.get('stepCount')}
              constraintText={`${bounds.stepCount.minimum} to ${bounds.stepCount.maximum.toLocaleString()}`}
            >
              <Input
                type="number"
                inputMode="numeric"
                value={draft.stepCount}
                onChange={({ detail }) => change({ stepCount: detail.value })}
              />
            </FormField>
          )}
          <FormField
            label="Batch size"
            errorText={problems.get('batchSize')}
            constraintText={`A multiple of ${bounds.batchSize.multipleOf}, at most ${bounds.batchSize.maximum}`}
          >
            <Input
              type="number"
              inputMode="numeric"
              step={bounds.batchSize.multipleOf}
              value={draft.batchSize}
              onChange={({ detail }) => change({ batchSize: detail.value })}
            />
          </FormField>
          <FormField
            label="Learning rate"
            errorText={problems.get('learningRate')}
            constraintText="0.00001 is a good start for every base model"
          >
            <Input value={draft.learningRate} onChange={({ detail }) => change({ learningRate: detail.value })} />
          </FormField>
        </ColumnLayout>
        <AdvancedHyperparameters draft={draft} change={change} problems={problems} />
      </SpaceBetween>
    </Container>
  );
}

function automaticText(usual: number | undefined, tabled: number | undefined): string {
  const most = tabled === undefined ? '' : `, ${tabled.toLocaleString()} at most`;
  return usual === undefined
    ? `The recommended number${most}; ends earlier when nothing gets better, and keeps the best checkpoint.`
    : `At least ${usual.toLocaleString()} steps${most}; ends when nothing gets better, and keeps the best checkpoint.`;
}

function timesSeen(seen: number, images: number): string {
  const times = Math.round(seen / images);
  return times === 1 ? 'once' : `${times.toLocaleString()} times`;
}

/** The captions of a manifest's lines that can be read; undefined where it cannot, which the job would say with its reason. */
export function useCaptions(uri: string): readonly string[] | undefined {
  const { data } = useQuery({
    queryKey: ['captions', uri],
    enabled: placeOf(uri).key.endsWith('.jsonl'),
    queryFn: async () => (await readManifestAt(uri)).map(({ caption }) => caption),
  });
  return data;
}
