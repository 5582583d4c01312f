import { type ProvisionedModelSummary, UpdateProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import { useState } from 'react';
import { FormModal } from '../../app/form-modal.tsx';
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
  return (
    <FormModal
      title="Edit Provisioned Throughput"
      action="Save edits"
      isComplete={name !== provisionedModelName || model !== modelArn}
      submit={() =>
        bedrock().send(
          new UpdateProvisionedModelThroughputCommand({
            provisionedModelId: provisionedModelArn,
            ...(name !== provisionedModelName && { desiredProvisionedModelName: name }),
            ...(model !== modelArn && { desiredModelId: model }),
          }),
        )
      }
      done={() => {
        notify('success', `Saved ${name}.`);
        changed();
      }}
      close={close}
    >
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
    </FormModal>
  );
}
