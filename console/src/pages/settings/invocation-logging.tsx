import {
  DeleteModelInvocationLoggingConfigurationCommand,
  GetModelInvocationLoggingConfigurationCommand,
  type LoggingConfig,
  PutModelInvocationLoggingConfigurationCommand,
} from '@aws-sdk/client-bedrock';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Toggle from '@cloudscape-design/components/toggle';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { BucketField } from '../../app/bucket-field.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { notify } from '../../app/notices.ts';
import { StillMissing } from '../../app/still-missing.tsx';
import { bedrock } from '../../aws/bedrock.ts';

/** What InvokeModel was asked and answered, written to a bucket of one's own. */
export default function InvocationLoggingPage() {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['invocation-logging'],
    queryFn: async () =>
      (await bedrock().send(new GetModelInvocationLoggingConfigurationCommand({}))).loggingConfig ?? null,
  });
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="Requests and pictures of every call in this Region, kept in your bucket.">
          Model invocation logging
        </Header>
      }
    >
      {isPending && <Spinner size="large" />}
      {error && <FaultAlert error={error} retry={() => refetch()} />}
      {data !== undefined && <LoggingForm key={JSON.stringify(data)} config={data} saved={() => refetch()} />}
    </ContentLayout>
  );
}

function LoggingForm({ config, saved }: { config: LoggingConfig | null; saved(): void }) {
  const [isOn, setIsOn] = useState(config !== null);
  const [bucketName, setBucketName] = useState(config?.s3Config?.bucketName ?? '');
  const [keyPrefix, setKeyPrefix] = useState(config?.s3Config?.keyPrefix ?? '');
  const [text, setText] = useState(config?.textDataDeliveryEnabled ?? true);
  const [image, setImage] = useState(config?.imageDataDeliveryEnabled ?? true);
  const missing = isOn && bucketName === '' ? ['bucket'] : [];
  const save = useMutation({
    mutationFn: async () => {
      if (!isOn) await bedrock().send(new DeleteModelInvocationLoggingConfigurationCommand({}));
      else
        await bedrock().send(
          new PutModelInvocationLoggingConfigurationCommand({
            loggingConfig: {
              s3Config: { bucketName, ...(keyPrefix !== '' && { keyPrefix }) },
              textDataDeliveryEnabled: text,
              imageDataDeliveryEnabled: image,
            },
          }),
        );
    },
    onSuccess: () => {
      notify('success', isOn ? 'Invocations are logged.' : 'Invocations are not logged any more.');
      saved();
    },
  });
  return (
    <Container>
      <SpaceBetween size="l">
        <Toggle checked={isOn} onChange={({ detail }) => setIsOn(detail.checked)}>
          Model invocation logging
        </Toggle>
        {isOn && (
          <SpaceBetween size="l">
            <BucketField
              bucket={bucketName}
              onChange={setBucketName}
              description="Its policy must let bedrock.amazonaws.com write (s3:PutObject)."
            />
            <FormField label="Prefix - optional">
              <Input value={keyPrefix} onChange={({ detail }) => setKeyPrefix(detail.value)} />
            </FormField>
            <FormField label="What is kept">
              <Checkbox checked={text} onChange={({ detail }) => setText(detail.checked)}>
                Text
              </Checkbox>
              <Checkbox checked={image} onChange={({ detail }) => setImage(detail.checked)}>
                Images
              </Checkbox>
            </FormField>
          </SpaceBetween>
        )}
        {save.error && <FaultAlert error={save.error} />}
        <StillMissing parts={missing} />
        <Button variant="primary" loading={save.isPending} disabled={missing.length > 0} onClick={() => save.mutate()}>
          Save settings
        </Button>
      </SpaceBetween>
    </Container>
  );
}
