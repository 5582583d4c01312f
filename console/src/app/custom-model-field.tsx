import { type CustomModelSummary, ListCustomModelsCommand } from '@aws-sdk/client-bedrock';
import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import { useQuery } from '@tanstack/react-query';
import { bedrock } from '../aws/bedrock.ts';
import { lastOf } from './show.tsx';

/** Every custom model that is ready, the newest first. */
export async function customModels(): Promise<CustomModelSummary[]> {
  const found: CustomModelSummary[] = [];
  let nextToken: string | undefined;
  do {
    const page = await bedrock().send(
      new ListCustomModelsCommand({ nextToken, sortBy: 'CreationTime', sortOrder: 'Descending' }),
    );
    found.push(...(page.modelSummaries ?? []));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return found.filter(({ modelStatus = 'Active' }) => modelStatus === 'Active');
}

interface CustomModelFieldProps {
  /** ARN; '' while none is chosen. */
  modelArn: string;
  onChange(modelArn: string): void;
  description?: string;
}

export function CustomModelField({ modelArn, onChange, description }: CustomModelFieldProps) {
  const { data = [], error, isPending } = useQuery({ queryKey: ['custom-models', 'all'], queryFn: customModels });
  const options = data.map(({ modelArn: value = '', modelName }) => ({ value, label: modelName ?? lastOf(value) }));
  const chosen = options.find(({ value }) => value === modelArn);
  return (
    <FormField label="Custom model" description={description} errorText={error?.message}>
      <Select
        options={options}
        selectedOption={chosen ?? (modelArn === '' ? null : { value: modelArn, label: lastOf(modelArn) })}
        placeholder="Choose a custom model"
        filteringType="auto"
        statusType={isPending ? 'loading' : 'finished'}
        loadingText="Loading models"
        empty="There is no custom model yet."
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? '')}
      />
    </FormField>
  );
}
