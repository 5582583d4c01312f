import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { FormModal } from './form-modal.tsx';
import { notify } from './notices.ts';

const WORD = 'delete';

interface ConfirmDeleteProps {
  /** "custom model" */
  what: string;
  name: string;
  /** What is lost, and what must be done before. */
  consequence: string;
  remove(): Promise<unknown>;
  removed(): void;
  close(): void;
}

/** Asks before something goes for good; a refusal is shown in place, with what to do about it. */
export function ConfirmDelete({ what, name, consequence, remove, removed, close }: ConfirmDeleteProps) {
  const [typed, setTyped] = useState('');
  return (
    <FormModal
      title={`Delete ${what} ${name}?`}
      action="Delete"
      isComplete={typed === WORD}
      submit={remove}
      done={() => {
        removed();
        notify('success', `Deleted ${what} ${name}.`);
      }}
      close={close}
    >
      <Box>{consequence}</Box>
      <FormField label={`To confirm, type “${WORD}”`}>
        <Input value={typed} placeholder={WORD} onChange={({ detail }) => setTyped(detail.value)} />
      </FormField>
    </FormModal>
  );
}
