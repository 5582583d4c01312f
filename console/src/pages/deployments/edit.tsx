import { type CustomModelDeploymentSummary, UpdateCustomModelDeploymentCommand } from '@aws-sdk/client-bedrock';
import FormField from '@cloudscape-design/components/form-field';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { CustomModelField } from '../../app/custom-model-field.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { saveTags, useTags } from '../../app/resource-tags.tsx';
import { type Tag, TagsField } from '../../app/tags-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';

interface EditDeploymentProps {
  deployment: CustomModelDeploymentSummary;
  close(): void;
}

/** Another model behind the same deployment: requests go to the old one until the new one is there. */
export function EditDeployment({ deployment, close }: EditDeploymentProps) {
  const { customModelDeploymentArn: arn, customModelDeploymentName: name, modelArn = '' } = deployment;
  const queries = useQueryClient();
  const before = useTags(arn);
  const [model, setModel] = useState(modelArn);
  const [changedTags, setTags] = useState<readonly Tag[]>();

  async function submit(): Promise<void> {
    if (model !== modelArn)
      await bedrock().send(
        new UpdateCustomModelDeploymentCommand({ customModelDeploymentIdentifier: arn, modelArn: model }),
      );
    if (changedTags) await saveTags(arn, before.data ?? [], changedTags);
  }

  return (
    <FormModal
      title={`Edit deployment ${name}`}
      action="Save edits"
      isComplete={model !== modelArn || changedTags !== undefined}
      submit={submit}
      done={() => {
        notify('success', `Saved ${name}.`);
        queries.invalidateQueries({ queryKey: ['deployments'] });
        queries.invalidateQueries({ queryKey: ['tags', arn] });
      }}
      close={close}
    >
      <CustomModelField
        modelArn={model}
        onChange={setModel}
        description="Requests go to the model before until the new one is there."
      />
      {before.error && <FaultAlert error={before.error} />}
      <FormField label="Tags">
        <TagsField tags={changedTags ?? before.data ?? []} onChange={setTags} />
      </FormField>
    </FormModal>
  );
}
