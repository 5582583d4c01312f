import { type ProvisionedModelSummary, UpdateProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { notify } from '../../app/notices.ts';
import { lastOf } from '../../app/show.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { useServableModels } from './servable-models.ts';

interface EditThroughputProps {
  throughput: ProvisionedModelSummary;
  changed(): void;
  close(): void;
}

/** Another name, or another model of the same base: no request fails meanwhile. */
export function EditThroughput({ throughput, changed, close }: EditThroughputProps) {
  const { provisionedModelArn, provisionedModelName = '', modelArn = '' } = throughput;
  const { options, isPending } = useServableModels();
  const [name, setName] = useState(provisionedModelName);
  const [model, setModel] = useState(modelArn);
  const save = useMutation({
    mutationFn: () =>
      bedrock().send(
        new UpdateProvisionedModelThroughputCommand({
          provisionedModelId: provisionedModelArn,
          ...(name !== provisionedModelName && { desiredProvisionedModelName: name }),
          ...(model !== modelArn && { desiredModelId: model }),
        }),
      ),
    onSuccess: () => {
      notify('success', `Saved ${name}.`);
      changed();
      close();
    },
  });
  return (
    <Modal
      visible
      onDismiss={close}
      closeAriaLabel="Close"
      header="Edit Provisioned Throughput"
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button
              variant="primary"
              disabled={name === provisionedModelName && model === modelArn}
              loading={save.isPending}
              onClick={() => save.mutate()}
            >
              Save edits
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        {save.error && <FaultAlert error={save.error} />}
        <FormField label="Provisioned Throughput name">
          <Input value={name} onChange={({ detail }) => setName(detail.value)} />
        </FormField>
        <FormField
          label="Model"
          description="Another model of the same base, or the base itself; requests move over once it is loaded."
        >
          <Select
            options={options}
            selectedOption={options.find(({ value }) => value === model) ?? { value: model, label: lastOf(model) }}
            statusType={isPending ? 'loading' : 'finished'}
            onChange={({ detail }) => setModel(detail.selectedOption.value ?? '')}
          />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
