import {
  CreateServiceSpecificCredentialCommand,
  DeleteServiceSpecificCredentialCommand,
  ListServiceSpecificCredentialsCommand,
  ListUsersCommand,
  type ServiceSpecificCredentialMetadata,
} from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { ResourceTable } from '../../app/resource-table.tsx';
import { SecretOnce } from '../../app/secret-once.tsx';
import { Status, when } from '../../app/show.tsx';
import { iam } from '../../aws/iam.ts';

const SERVICE = 'bedrock.amazonaws.com';

/** Long-term Bedrock API keys: one text in the place of a signature, with the rights of a user. */
export default function ApiKeysPage() {
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [secret, setSecret] = useState<string>();
  const [deleting, setDeleting] = useState<ServiceSpecificCredentialMetadata>();
  const reload = () => queries.invalidateQueries({ queryKey: ['api-keys'] });
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="For AWS_BEARER_TOKEN_BEDROCK: one text in the place of access keys, for Bedrock alone."
        >
          API keys
        </Header>
      }
    >
      <ResourceTable<ServiceSpecificCredentialMetadata>
        name="API keys"
        queryKey={['api-keys']}
        selection="single"
        idOf={key => key.ServiceSpecificCredentialId ?? ''}
        load={async ({ token }) => {
          const page = await iam().send(
            new ListServiceSpecificCredentialsCommand({ AllUsers: true, ServiceName: SERVICE, Marker: token }),
          );
          return { rows: page.ServiceSpecificCredentials ?? [], nextToken: page.Marker };
        }}
        columns={[
          { id: 'id', header: 'Key', isRowHeader: true, cell: key => key.ServiceCredentialAlias },
          { id: 'user', header: 'User', cell: key => key.UserName },
          { id: 'status', header: 'Status', cell: key => <Status status={key.Status} /> },
          { id: 'expires', header: 'Expires', cell: key => when(key.ExpirationDate) },
          { id: 'created', header: 'Creation time', cell: key => when(key.CreateDate) },
        ]}
        actions={([key]) => (
          <>
            <Button disabled={!key} onClick={() => setDeleting(key)}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Create API key
            </Button>
          </>
        )}
        empty={{ text: 'No API keys yet.' }}
      />
      {creating && (
        <CreateApiKey
          created={value => {
            setSecret(value);
            reload();
          }}
          close={() => setCreating(false)}
        />
      )}
      {secret !== undefined && (
        <SecretOnce
          title="API key"
          values={[{ label: 'AWS_BEARER_TOKEN_BEDROCK', value: secret }]}
          close={() => setSecret(undefined)}
        />
      )}
      {deleting && (
        <ConfirmDelete
          what="API key"
          name={deleting.ServiceCredentialAlias ?? ''}
          consequence="What uses it is refused from then on."
          remove={() =>
            iam().send(
              new DeleteServiceSpecificCredentialCommand({
                UserName: deleting.UserName,
                ServiceSpecificCredentialId: deleting.ServiceSpecificCredentialId,
              }),
            )
          }
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
    </ContentLayout>
  );
}

function CreateApiKey({ created, close }: { created(secret: string): void; close(): void }) {
  const [userName, setUserName] = useState('');
  const [days, setDays] = useState('30');
  const users = useQuery({ queryKey: ['users', 'names'], queryFn: () => iam().send(new ListUsersCommand({})) });
  const options = (users.data?.Users ?? []).map(({ UserName = '' }) => ({ value: UserName, label: UserName }));

  async function submit(): Promise<void> {
    const { ServiceSpecificCredential } = await iam().send(
      new CreateServiceSpecificCredentialCommand({
        UserName: userName,
        ServiceName: SERVICE,
        ...(days !== '' && { CredentialAgeDays: Number(days) }),
      }),
    );
    created(ServiceSpecificCredential?.ServiceCredentialSecret ?? '');
  }

  return (
    <FormModal
      title="Create API key"
      action="Create API key"
      isComplete={userName !== ''}
      submit={submit}
      close={close}
    >
      <FormField label="User" description="The key has the rights of this user." errorText={users.error?.message}>
        <Select
          options={options}
          selectedOption={options.find(({ value }) => value === userName) ?? null}
          placeholder="Choose a user"
          empty="There is no user yet: make one under IAM."
          onChange={({ detail }) => setUserName(detail.selectedOption.value ?? '')}
        />
      </FormField>
      <FormField label="Days until it expires" constraintText="Empty: it does not expire">
        <Input type="number" inputMode="numeric" value={days} onChange={({ detail }) => setDays(detail.value)} />
      </FormField>
    </FormModal>
  );
}
