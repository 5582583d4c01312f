import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useState } from 'react';
import { FaultAlert } from './fault-alert.tsx';

interface FormModalProps {
  title: string;
  /** What the button says. */
  action: string;
  isComplete: boolean;
  /** For long texts. */
  isLarge?: boolean;
  submit(): Promise<unknown>;
  /** After it succeeded. */
  done?(): unknown;
  close(): void;
  /** Where leaving without the action is another thing than closing: what would be lost is asked about. */
  leave?(): void;
  children: ReactNode;
}

/** A short form over the page; a refusal is shown in it, with what was typed still there. */
export function FormModal({
  title,
  action,
  isComplete,
  isLarge = false,
  submit,
  done,
  close,
  leave = close,
  children,
}: FormModalProps) {
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function confirm(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await submit();
      done?.();
      close();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  return (
    <Modal
      visible
      size={isLarge ? 'large' : 'medium'}
      onDismiss={leave}
      closeAriaLabel="Close"
      header={title}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={leave}>
              Cancel
            </Button>
            <Button variant="primary" disabled={!isComplete} loading={busy} onClick={confirm}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {error !== undefined && <FaultAlert error={error} />}
        {children}
      </SpaceBetween>
    </Modal>
  );
}
