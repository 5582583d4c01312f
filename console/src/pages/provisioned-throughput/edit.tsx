import { type ProvisionedModelSummary, UpdateProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { saveTags, useTags } from '../../app/resource-tags.tsx';
import { lastOf } from '../../app/show.tsx';
import { type Tag, TagsField } from '../../app/tags-field.tsx';
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
  const queries = useQueryClient();
  const { options, isPending } = useServableModels('PROVISIONED');
  const [name, setName] = useState(provisionedModelName);
  const [model, setModel] = useState(modelArn);
  const tags = useTags(provisionedModelArn);
  const [changedTags, setTags] = useState<readonly Tag[]>();
  const isRenamed = name !== provisionedModelName;
  const isMoved = model !== modelArn;

  async function submit(): Promise<void> {
    if (isRenamed || isMoved)
      await bedrock().send(
        new UpdateProvisionedModelThroughputCommand({
          provisionedModelId: provisionedModelArn,
          ...(isRenamed && { desiredProvisionedModelName: name }),
          ...(isMoved && { desiredModelId: model }),
        }),
      );
    if (changedTags) await saveTags(provisionedModelArn, tags.data ?? [], changedTags);
  }

  return (
    <FormModal
      title="Edit Provisioned Throughput"
      action="Save edits"
      isComplete={isName('throughput', name) && (isRenamed || isMoved || changedTags !== undefined)}
      submit={submit}
      done={() => {
        notify('success', `Saved ${name}.`);
        queries.invalidateQueries({ queryKey: ['tags', provisionedModelArn] });
        changed();
      }}
      close={close}
    >
      <NameField label="Provisioned Throughput name" kind="throughput" name={name} change={setName} />
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
      {tags.error && <FaultAlert error={tags.error} />}
      <FormField label="Tags">
        <TagsField tags={changedTags ?? tags.data ?? []} onChange={setTags} />
      </FormField>
    </FormModal>
  );
}
