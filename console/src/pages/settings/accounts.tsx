import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { SecretOnce } from '../../app/secret-once.tsx';
import { useSession } from '../../app/session.ts';
import { Status, when } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';

interface Account {
  accountId: string;
  name: string | null;
  status: 'ACTIVE' | 'DISABLED';
  createdAt: string;
  disabledAt: string | null;
}

interface NewAccount {
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** The accounts of the installation, which its first one administers. */
export default function AccountsPage() {
  const session = useSession();
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<NewAccount>();
  const [changing, setChanging] = useState<Account>();
  // Nobody but the account that administers the others may see this list.
  const isOwn = ({ accountId }: Account) => accountId === session?.accountId;
  const reload = () => queries.invalidateQueries({ queryKey: ['accounts'] });
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Each has users, buckets, models and keys of its own, which the others cannot see. The first account administers them."
        >
          Accounts
        </Header>
      }
    >
      <ResourceTable<Account>
        name="Accounts"
        queryKey={['accounts']}
        filterLabel="Find by name or number"
        selection="single"
        idOf={({ accountId }) => accountId}
        load={async ({ token, filter = '', pageSize }) => {
          const { accounts } = await callRoute<{ accounts: Account[] }>({ method: 'GET', path: '/accounts' });
          const wanted = filter.toLowerCase();
          const found = accounts.filter(({ accountId, name }) =>
            `${accountId} ${name ?? ''}`.toLowerCase().includes(wanted),
          );
          // The list is one answer: its pages are parts of it.
          const start = Number(token ?? 0);
          const end = start + pageSize;
          return { rows: found.slice(start, end), nextToken: end < found.length ? String(end) : undefined };
        }}
        columns={[
          { id: 'id', header: 'Account', isRowHeader: true, cell: ({ accountId }) => accountId },
          { id: 'name', header: 'Name', cell: ({ name }) => name ?? '–' },
          { id: 'status', header: 'Status', cell: ({ status }) => <Status status={status} /> },
          { id: 'created', header: 'Creation time', cell: ({ createdAt }) => when(new Date(createdAt)) },
        ]}
        actions={([account]) => (
          <>
            <Button
              disabled={!account || isOwn(account)}
              disabledReason={account && 'It administers the others.'}
              onClick={() => setChanging(account)}
            >
              {account?.status === 'DISABLED' ? 'Enable' : 'Disable'}
            </Button>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Create account
            </Button>
          </>
        )}
        empty={{ text: 'No accounts.' }}
      />
      {creating && (
        <CreateAccount
          created={account => {
            setMade(account);
            reload();
          }}
          close={() => setCreating(false)}
        />
      )}
      {made && (
        <SecretOnce
          title={`Root access key of account ${made.accountId}`}
          values={[
            { label: 'Access key ID', value: made.accessKeyId },
            { label: 'Secret access key', value: made.secretAccessKey },
          ]}
          close={() => setMade(undefined)}
        />
      )}
      {changing && <ChangeAccount account={changing} changed={reload} close={() => setChanging(undefined)} />}
    </ContentLayout>
  );
}

function CreateAccount({ created, close }: { created(account: NewAccount): void; close(): void }) {
  const [accountId, setAccountId] = useState('');
  const [name, setName] = useState('');
  return (
    <FormModal
      title="Create account"
      action="Create account"
      isComplete={accountId !== ''}
      submit={async () =>
        created(
          await callRoute<NewAccount>({
            method: 'POST',
            path: '/accounts',
            body: { accountId, ...(name !== '' && { name }) },
          }),
        )
      }
      close={close}
    >
      <FormField label="Account ID" constraintText="12 digits, of your choice.">
        <Input
          inputMode="numeric"
          value={accountId}
          onChange={({ detail }) => setAccountId(detail.value.trim())}
          autoComplete={false}
        />
      </FormField>
      <FormField label="Name - optional">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
    </FormModal>
  );
}

function ChangeAccount({ account, changed, close }: { account: Account; changed(): void; close(): void }) {
  const { accountId, name, status } = account;
  const isDisabled = status === 'DISABLED';
  const action = isDisabled ? 'Enable' : 'Disable';
  return (
    <FormModal
      title={`${action} account ${name ?? accountId}?`}
      action={action}
      isComplete
      submit={() => callRoute({ method: 'POST', path: `/accounts/${accountId}/${action.toLowerCase()}` })}
      done={() => {
        notify('success', `Account ${accountId} is ${action.toLowerCase()}d.`);
        changed();
      }}
      close={close}
    >
      <p>
        {isDisabled
          ? 'Its keys and sessions are taken again, and its jobs go on.'
          : 'Its keys and sessions are refused from then on, its units end and its jobs rest. Its data stays.'}
      </p>
    </FormModal>
  );
}
