import { type GetCustomModelCommandOutput, ListCustomModelsCommand } from '@aws-sdk/client-bedrock';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { lastOf, size, To } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { callRoute } from '../../aws/clients.ts';
import { DataSetLink } from './data-set-link.tsx';
import { jobPath, modelPath } from './paths.ts';
import { SourceModel } from './source-model.tsx';

interface ModelFacts {
  method: 'lora' | 'full' | 'whole';
  sizeBytes: number;
  baseModelId: string | null;
  baseWeightsSha256: string | null;
  installedWeightsSha256: string | null;
}

/** What the model came from, and what was made from it. */
export function Lineage({ model }: { model: GetCustomModelCommandOutput }) {
  const { modelArn } = model;
  const facts = useQuery({
    queryKey: ['custom-models', 'facts', modelArn],
    queryFn: () => callRoute<ModelFacts>({ method: 'GET', path: `/models/${lastOf(modelArn)}` }),
  });
  const versions = useQuery({
    queryKey: ['custom-models', 'from', modelArn],
    queryFn: () => bedrock().send(new ListCustomModelsCommand({ baseModelArnEquals: modelArn })),
  });
  const made = versions.data?.modelSummaries ?? [];
  return (
    <Container header={<Header variant="h2">Lineage</Header>}>
      <SpaceBetween size="m">
        {facts.error && <FaultAlert error={facts.error} />}
        {versions.error && <FaultAlert error={versions.error} />}
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'Data set', value: <DataSetLink uri={model.trainingDataConfig?.s3Uri} /> },
            { label: 'Job', value: <To to={jobPath(model.jobName)}>{model.jobName ?? ''}</To> },
            { label: 'Source model', value: <SourceModel arn={model.baseModelArn} /> },
            { label: 'Base model', value: facts.data ? <Base facts={facts.data} /> : '–' },
            {
              label: 'Method',
              value: facts.data ? `${METHODS[facts.data.method]}, ${size(facts.data.sizeBytes)}` : '–',
            },
            {
              label: 'Models made from it',
              value:
                made.length === 0
                  ? 'None'
                  : made.map(({ modelArn: arn, modelName }) => (
                      <div key={arn}>
                        <To to={modelPath(modelName)}>{modelName ?? ''}</To>
                      </div>
                    )),
            },
          ]}
        />
      </SpaceBetween>
    </Container>
  );
}

const METHODS: Readonly<Record<ModelFacts['method'], string>> = {
  lora: 'LoRA',
  full: 'All weights',
  whole: 'Imported whole',
};

function Base({ facts: { baseModelId, baseWeightsSha256, installedWeightsSha256 } }: { facts: ModelFacts }) {
  if (baseModelId === null) return 'Brought its own';
  if (installedWeightsSha256 === null)
    return <StatusIndicator type="error">{baseModelId}, not installed</StatusIndicator>;
  if (baseWeightsSha256 !== null && baseWeightsSha256 !== installedWeightsSha256)
    return <StatusIndicator type="warning">{baseModelId}, whose weights have changed since</StatusIndicator>;
  return baseModelId;
}
