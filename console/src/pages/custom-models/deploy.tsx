import { CreateCustomModelDeploymentCommand } from '@aws-sdk/client-bedrock';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { notify } from '../../app/notices.ts';
import { bedrock } from '../../aws/bedrock.ts';

/** Deploy for on-demand: the model shares a process with others of its base, and is loaded when somebody asks. */
export function DeployOnDemand({ modelArn, modelName, close }: { modelArn: string; modelName: string; close(): void }) {
  const [name, setName] = useState(`${modelName}-on-demand`);
  const deploy = useMutation({
    mutationFn: () => bedrock().send(new CreateCustomModelDeploymentCommand({ modelDeploymentName: name, modelArn })),
    onSuccess: () => {
      notify('success', `${name} is being deployed; the Image playground lists it once it is active.`);
      close();
    },
  });
  return (
    <Modal
      visible
      onDismiss={close}
      closeAriaLabel="Close"
      header="Deploy for on-demand"
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button variant="primary" loading={deploy.isPending} disabled={name === ''} onClick={() => deploy.mutate()}>
              Deploy
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {deploy.error && <FaultAlert error={deploy.error} />}
        <Box>It takes no capacity while nobody asks; the first request after a pause waits until it is loaded.</Box>
        <FormField label="Deployment name">
          <Input value={name} onChange={({ detail }) => setName(detail.value)} />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
