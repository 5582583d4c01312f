import { CreateCustomModelDeploymentCommand } from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { bedrock } from '../../aws/bedrock.ts';

/** Deploy for on-demand: the model shares a process with others of its base, and is loaded when somebody asks. */
export function DeployOnDemand({ modelArn, modelName, close }: { modelArn: string; modelName: string; close(): void }) {
  const [name, setName] = useState(`${modelName}-on-demand`);
  return (
    <FormModal
      title="Deploy for on-demand"
      action="Deploy"
      isComplete={name !== ''}
      submit={() => bedrock().send(new CreateCustomModelDeploymentCommand({ modelDeploymentName: name, modelArn }))}
      done={() => notify('success', `${name} is being deployed; the Image playground lists it once it is active.`)}
      close={close}
    >
      <Box>It takes no capacity while nobody asks; the first request after a pause waits until it is loaded.</Box>
      <FormField label="Deployment name">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
    </FormModal>
  );
}
