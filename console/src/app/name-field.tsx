import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { type NameKind, nameConstraint, nameProblem } from './names.ts';

interface NameFieldProps {
  label: string;
  kind: NameKind;
  name: string;
  change(name: string): void;
  placeholder?: string;
  /** What the service said of it. */
  refusal?: string | undefined;
  /** Of its input, for who brings it into sight. */
  controlId?: string;
}

/** A name, with what is wrong with it while it is typed. */
export function NameField({ label, kind, name, change, placeholder, refusal, controlId }: NameFieldProps) {
  return (
    <FormField
      label={label}
      constraintText={nameConstraint(kind)}
      errorText={refusal ?? nameProblem(kind, name)}
      {...(controlId !== undefined && { controlId })}
    >
      <Input
        value={name}
        {...(placeholder !== undefined && { placeholder })}
        spellcheck={false}
        onChange={({ detail }) => change(detail.value)}
      />
    </FormField>
  );
}
