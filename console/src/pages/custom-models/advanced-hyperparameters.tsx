import ColumnLayout from '@cloudscape-design/components/column-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { isFurther, type SectionProps } from './job-draft.ts';
import { boundsOf, choiceLabel, OF_THE_FIRST_MODEL, type OptionName, optionFields } from './job-options.ts';

const CHOICES: Partial<Record<OptionName, { value: string; label: string }[]>> = {
  method: choices('Default (LoRA)', limits.optionalHyperParameters.method.values),
  concept: choices('By the captions', limits.optionalHyperParameters.concept.values),
};

function choices(unless: string, values: readonly string[]) {
  return [{ value: '', label: unless }, ...values.map(value => ({ value, label: choiceLabel(value) }))];
}

interface AdvancedProps extends SectionProps {
  problems: ReadonlyMap<string, string>;
}

/** What most jobs leave alone; open where something of it is set. */
export function AdvancedHyperparameters({ draft, change, problems }: AdvancedProps) {
  const { options } = draft;
  const isSet = Object.values(options).some(text => text !== '');
  const set = (name: string, text: string) => change({ options: { ...options, [name]: text } });
  const isSettled = (name: (typeof optionFields)[number]['name']) =>
    isFurther(draft) && OF_THE_FIRST_MODEL.includes(name);
  const short = optionFields.filter(({ kind }) => kind !== 'lines');
  const long = optionFields.filter(({ kind }) => kind === 'lines');
  return (
    <ExpandableSection
      headerText="Advanced - optional"
      headerDescription="Left empty, each takes the base model’s own value."
      defaultExpanded={isSet}
    >
      <SpaceBetween size="l">
        <ColumnLayout columns={2}>
          {short.map(({ name, label, description, kind }) => (
            <FormField
              key={name}
              label={label}
              description={isSettled(name) ? 'As of the custom model that the job starts from.' : description}
              constraintText={boundsOf(name)}
              errorText={problems.get(name)}
            >
              {kind === 'choice' ? (
                <Select
                  options={CHOICES[name] ?? []}
                  selectedOption={CHOICES[name]?.find(({ value }) => value === (options[name] ?? '')) ?? null}
                  disabled={isSettled(name)}
                  onChange={({ detail }) => set(name, detail.selectedOption.value ?? '')}
                />
              ) : (
                <Input
                  value={options[name] ?? ''}
                  inputMode={kind === 'text' ? 'text' : kind === 'whole' ? 'numeric' : 'decimal'}
                  placeholder={kind === 'text' ? '' : 'Default'}
                  disabled={isSettled(name)}
                  onChange={({ detail }) => set(name, kind === 'text' ? detail.value : detail.value.trim())}
                />
              )}
            </FormField>
          ))}
        </ColumnLayout>
        {long.map(({ name, label, description }) => (
          <FormField
            key={name}
            stretch
            label={label}
            description={description}
            constraintText={boundsOf(name)}
            errorText={problems.get(name)}
          >
            <Textarea rows={4} value={options[name] ?? ''} onChange={({ detail }) => set(name, detail.value)} />
          </FormField>
        ))}
      </SpaceBetween>
    </ExpandableSection>
  );
}
