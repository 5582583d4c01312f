import Alert from '@cloudscape-design/components/alert';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';

interface SecretOnceProps {
  title: string;
  values: readonly { label: string; value: string }[];
  close(): void;
}

/** What the service tells once and never again. */
export function SecretOnce({ title, values, close }: SecretOnceProps) {
  return (
    <Modal visible onDismiss={close} closeAriaLabel="Close" header={title}>
      <SpaceBetween size="m">
        <Alert type="warning">This is shown once. Keep it now: nobody can read it again.</Alert>
        <KeyValuePairs
          columns={1}
          items={values.map(({ label, value }) => ({
            label,
            value: (
              <CopyToClipboard
                variant="inline"
                copyButtonAriaLabel={`Copy ${label}`}
                copySuccessText="Copied"
                copyErrorText="It could not be copied"
                textToCopy={value}
              />
            ),
          }))}
        />
      </SpaceBetween>
    </Modal>
  );
}
