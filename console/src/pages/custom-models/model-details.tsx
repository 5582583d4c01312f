import { ListFoundationModelsCommand } from '@aws-sdk/client-bedrock';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery } from '@tanstack/react-query';
import { customModels } from '../../app/custom-model-field.tsx';
import { KeyField } from '../../app/key-field.tsx';
import { NameField } from '../../app/name-field.tsx';
import { lastOf } from '../../app/show.tsx';
import { TagsField } from '../../app/tags-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import type { SectionProps } from './job-draft.ts';

interface ModelDetailsProps extends SectionProps {
  /** What the service said of the model's name. */
  refusal: string | undefined;
}

export function ModelDetails({ draft, change, refusal }: ModelDetailsProps) {
  const models = useQuery({
    queryKey: ['foundation-models', 'customizable'],
    queryFn: () => bedrock().send(new ListFoundationModelsCommand({ byCustomizationType: 'FINE_TUNING' })),
  });
  const custom = useQuery({ queryKey: ['custom-models', 'all'], queryFn: customModels });
  const groups = [
    {
      label: 'Foundation models',
      options: (models.data?.modelSummaries ?? []).map(({ modelId = '', modelName, providerName }) => ({
        value: modelId,
        label: modelName ?? modelId,
        description: `${providerName}, ${modelId}`,
      })),
    },
    {
      label: 'Custom models, to be trained further',
      options: (custom.data ?? []).map(({ modelArn = '', modelName }) => ({
        value: modelArn,
        label: modelName ?? lastOf(modelArn),
        description: 'A new model is made; this one stays as it is.',
      })),
    },
  ].filter(({ options }) => options.length > 0);
  const options = groups.flatMap(group => group.options);
  return (
    <Container header={<Header variant="h2">Model details</Header>}>
      <SpaceBetween size="l">
        <FormField label="Source model" errorText={models.error?.message ?? custom.error?.message}>
          <Select
            options={groups}
            filteringType={options.length > 10 ? 'auto' : 'none'}
            selectedOption={
              options.find(({ value }) => value === draft.baseModelId) ?? {
                value: draft.baseModelId,
                label: lastOf(draft.baseModelId),
              }
            }
            statusType={models.isPending ? 'loading' : 'finished'}
            loadingText="Loading models"
            onChange={({ detail }) => change({ baseModelId: detail.selectedOption.value ?? '' })}
          />
        </FormField>
        <NameField
          label="Fine-tuned model name"
          kind="model"
          name={draft.modelName}
          change={modelName => change({ modelName })}
          refusal={refusal}
        />
        <Checkbox
          checked={draft.isEncrypted}
          onChange={({ detail }) => change({ isEncrypted: detail.checked })}
          description="Weights are always encrypted; a KMS key of your own lets you say who may use them."
        >
          Model encryption
        </Checkbox>
        {draft.isEncrypted && <KeyField keyId={draft.keyId} onChange={keyId => change({ keyId })} />}
        <ExpandableSection headerText="Tags - optional">
          <TagsField tags={draft.modelTags} onChange={modelTags => change({ modelTags })} />
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}
