import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { FaultAlert } from './fault-alert.tsx';
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
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function confirm(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await remove();
      notify('success', `Deleted ${what} ${name}.`);
      removed();
      close();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  return (
    <Modal
      visible
      onDismiss={close}
      closeAriaLabel="Close"
      header={`Delete ${what} ${name}?`}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button variant="primary" disabled={typed !== WORD} loading={busy} onClick={confirm}>
              Delete
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <FaultAlert error={error} />}
        <Box>{consequence}</Box>
        <FormField label={`To confirm, type “${WORD}”`}>
          <Input value={typed} placeholder={WORD} onChange={({ detail }) => setTyped(detail.value)} />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
