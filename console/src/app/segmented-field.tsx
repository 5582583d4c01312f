import FormField from '@cloudscape-design/components/form-field';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import { useId } from 'react';

interface SegmentedFieldProps<Id extends string> {
  label: string;
  description?: string;
  selectedId: Id;
  options: readonly (readonly [id: Id, text: string])[];
  onChange(id: Id): void;
}

/** A few choices side by side, with a label. In a narrow window the control is a select, which would show a label of its own. */
export function SegmentedField<Id extends string>(props: SegmentedFieldProps<Id>) {
  const { label, description, selectedId, options, onChange } = props;
  const labelId = useId();
  return (
    <FormField label={<span id={labelId}>{label}</span>} description={description}>
      <SegmentedControl
        ariaLabelledby={labelId}
        selectedId={selectedId}
        options={options.map(([id, text]) => ({ id, text }))}
        onChange={({ detail }) => onChange(detail.selectedId as Id)}
      />
    </FormField>
  );
}
