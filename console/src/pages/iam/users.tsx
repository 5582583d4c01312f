import {
  CreateAccessKeyCommand,
  CreateLoginProfileCommand,
  CreateUserCommand,
  DeleteUserCommand,
  ListUsersCommand,
  UpdateLoginProfileCommand,
  type User,
} from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Checkbox from '@cloudscape-design/components/checkbox';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { SecretOnce } from '../../app/secret-once.tsx';
import { when } from '../../app/show.tsx';
import { iam } from '../../aws/iam.ts';
import { AccessKeys } from './access-keys.tsx';
import { AttachPolicy } from './attach-policy.tsx';

type Dialog = 'create' | 'password' | 'key' | 'keys' | 'policy' | 'delete';

export function UsersTable() {
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<{ what: Dialog; userName: string }>();
  const [secret, setSecret] = useState<{ label: string; value: string }[]>();
  const reload = () => queries.invalidateQueries({ queryKey: ['users'] });
  const close = () => setDialog(undefined);
  const name = dialog?.userName ?? '';
  return (
    <>
      <ResourceTable<User>
        name="Users"
        queryKey={['users']}
        selection="single"
        idOf={user => user.UserName ?? ''}
        load={async ({ token, pageSize }) => {
          const page = await iam().send(new ListUsersCommand({ Marker: token, MaxItems: pageSize }));
          return { rows: page.Users ?? [], nextToken: page.Marker };
        }}
        columns={[
          { id: 'name', header: 'User name', isRowHeader: true, cell: user => user.UserName },
          { id: 'arn', header: 'ARN', minWidth: 200, cell: user => <span className="path">{user.Arn}</span> },
          { id: 'used', header: 'Password last used', cell: user => when(user.PasswordLastUsed) },
          { id: 'created', header: 'Creation time', cell: user => when(user.CreateDate) },
        ]}
        actions={([user]) => (
          <>
            <ButtonDropdown
              disabled={!user}
              items={[
                { id: 'policy', text: 'Attach a policy' },
                { id: 'password', text: 'Set a password' },
                { id: 'key', text: 'Create an access key' },
                { id: 'keys', text: 'Access keys' },
                { id: 'delete', text: 'Delete' },
              ]}
              onItemClick={({ detail }) => setDialog({ what: detail.id as Dialog, userName: user?.UserName ?? '' })}
            >
              Actions
            </ButtonDropdown>
            <Button variant="primary" onClick={() => setDialog({ what: 'create', userName: '' })}>
              Create user
            </Button>
          </>
        )}
        empty={{ text: 'No users yet: everyone would be root. Make one for each person.' }}
      />
      {dialog?.what === 'create' && <CreateUser created={reload} close={close} />}
      {dialog?.what === 'password' && <SetPassword userName={name} close={close} />}
      {dialog?.what === 'policy' && <AttachPolicy kind="user" name={name} close={close} />}
      {dialog?.what === 'keys' && <AccessKeys userName={name} close={close} />}
      {dialog?.what === 'key' && (
        <FormModal
          title={`Create an access key for ${name}?`}
          action="Create access key"
          isComplete
          submit={async () => {
            const { AccessKey } = await iam().send(new CreateAccessKeyCommand({ UserName: name }));
            setSecret([
              { label: 'Access key ID', value: AccessKey?.AccessKeyId ?? '' },
              { label: 'Secret access key', value: AccessKey?.SecretAccessKey ?? '' },
            ]);
          }}
          close={close}
        >
          For programs that call this service as {name}. A person signs in with a password.
        </FormModal>
      )}
      {dialog?.what === 'delete' && (
        <ConfirmDelete
          what="user"
          name={name}
          consequence="Access keys, password and policies of the user must be removed first."
          remove={() => iam().send(new DeleteUserCommand({ UserName: name }))}
          removed={reload}
          close={close}
        />
      )}
      {secret && <SecretOnce title="Access key" values={secret} close={() => setSecret(undefined)} />}
    </>
  );
}

function CreateUser({ created, close }: { created(): void; close(): void }) {
  const [userName, setUserName] = useState('');
  return (
    <FormModal
      title="Create user"
      action="Create user"
      isComplete={isName('user', userName)}
      submit={() => iam().send(new CreateUserCommand({ UserName: userName }))}
      done={() => {
        notify('success', `Created user ${userName}. It may do nothing until a policy is attached.`);
        created();
      }}
      close={close}
    >
      <NameField label="User name" kind="user" name={userName} change={setUserName} />
    </FormModal>
  );
}

function SetPassword({ userName, close }: { userName: string; close(): void }) {
  const [password, setPassword] = useState('');
  const [mustChange, setMustChange] = useState(true);

  async function submit(): Promise<void> {
    const input = { UserName: userName, Password: password, PasswordResetRequired: mustChange };
    try {
      await iam().send(new CreateLoginProfileCommand(input));
    } catch (error) {
      // Who has a password already gets another one.
      if ((error as Error).name !== 'EntityAlreadyExistsException') throw error;
      await iam().send(new UpdateLoginProfileCommand(input));
    }
  }

  return (
    <FormModal
      title={`Password of ${userName}`}
      action="Set password"
      isComplete={password !== ''}
      submit={submit}
      done={() => notify('success', `${userName} can sign in with the new password.`)}
      close={close}
    >
      <FormField label="Password">
        <Input
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={({ detail }) => setPassword(detail.value)}
        />
      </FormField>
      <Checkbox checked={mustChange} onChange={({ detail }) => setMustChange(detail.checked)}>
        Must be changed when signing in
      </Checkbox>
    </FormModal>
  );
}
