import { CreateCustomModelDeploymentCommand } from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { CustomModelField } from '../../app/custom-model-field.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { filledTags, type Tag, TagsField } from '../../app/tags-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';

interface DeployProps {
  /** The model to deploy; absent: the form asks. */
  model?: { arn: string; name: string };
  deployed?(): void;
  close(): void;
}

/** Deploy for on-demand: the model shares a process with others of its base, and is loaded when somebody asks. */
export function DeployOnDemand({ model, deployed, close }: DeployProps) {
  const [modelArn, setModelArn] = useState(model?.arn ?? '');
  const [name, setName] = useState(model ? `${model.name}-on-demand` : '');
  const [description, setDescription] = useState('');
  const [tags, setTags] = useState<readonly Tag[]>([]);
  return (
    <FormModal
      title="Deploy for on-demand"
      action="Deploy"
      isComplete={isName('deployment', name) && modelArn !== ''}
      submit={() =>
        bedrock().send(
          new CreateCustomModelDeploymentCommand({
            modelDeploymentName: name,
            modelArn,
            ...(description !== '' && { description }),
            ...(filledTags(tags).length > 0 && { tags: filledTags(tags) }),
          }),
        )
      }
      done={() => {
        deployed?.();
        notify('success', `${name} is being deployed; the Image playground lists it once it is active.`);
      }}
      close={close}
    >
      <Box>It takes no capacity while nobody asks; the first request after a pause waits until it is loaded.</Box>
      <NameField label="Deployment name" kind="deployment" name={name} change={setName} />
      {!model && <CustomModelField modelArn={modelArn} onChange={setModelArn} />}
      <FormField label="Description - optional">
        <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
      </FormField>
      <ExpandableSection headerText="Tags - optional">
        <TagsField tags={tags} onChange={setTags} />
      </ExpandableSection>
    </FormModal>
  );
}
