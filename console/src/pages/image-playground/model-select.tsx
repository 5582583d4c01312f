import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import type { Invocable } from './models.ts';

interface ModelSelectProps {
  label: string;
  models: readonly Invocable[];
  chosen: string | undefined;
  isPending: boolean;
  onChange(id: string): void;
  /** Offered first, and chosen as ''. */
  nothing?: string;
}

/** The seed system's three columns (category, model, throughput) in one list with groups. */
export function ModelSelect({ label, models, chosen, isPending, onChange, nothing }: ModelSelectProps) {
  const groups = (['Base models', 'Provisioned Throughput', 'Deployments on demand'] as const)
    .map(group => ({
      label: group,
      options: models
        .filter(model => model.group === group)
        .map(({ id, label: name, description }) => ({ value: id, label: name, description })),
    }))
    .filter(({ options }) => options.length > 0);
  const none = nothing === undefined ? [] : [{ value: '', label: nothing }];
  const all = [...none, ...groups.flatMap(({ options }) => options)];
  return (
    <FormField label={label}>
      <Select
        options={[...none, ...groups]}
        selectedOption={all.find(({ value }) => value === (chosen ?? '')) ?? null}
        placeholder="Choose a model"
        filteringType={models.length > 10 ? 'auto' : 'none'}
        statusType={isPending ? 'loading' : 'finished'}
        loadingText="Loading models"
        empty="No model answers now."
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? '')}
      />
    </FormField>
  );
}
