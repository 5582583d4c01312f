import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  type KeyListEntry,
  ListAliasesCommand,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import ContentLayout from '@cloudscape-design/components/content-layout';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { titleOfCode } from '../../app/fault-titles.ts';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { Status } from '../../app/show.tsx';
import { kms } from '../../aws/kms.ts';

const WAITING_DAYS = 7;

/** Keys that encrypt models and objects. */
export default function KmsKeysPage() {
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  const [error, setError] = useState<unknown>();
  const reload = () => queries.invalidateQueries({ queryKey: ['keys'] });

  async function act(action: string, keyId: string): Promise<void> {
    setError(undefined);
    if (action === 'delete') return setDeleting(keyId);
    try {
      if (action === 'enable') await kms().send(new EnableKeyCommand({ KeyId: keyId }));
      else await kms().send(new DisableKeyCommand({ KeyId: keyId }));
      reload();
    } catch (thrown) {
      setError(thrown);
    }
  }

  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Who may use a key may use what is encrypted under it; keys never leave the service."
        >
          KMS keys
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error !== undefined && <FaultAlert error={error} />}
        <ResourceTable<KeyListEntry>
          name="Keys"
          queryKey={['keys']}
          selection="single"
          idOf={key => key.KeyId ?? ''}
          load={async ({ token, pageSize }) => {
            const page = await kms().send(new ListKeysCommand({ Marker: token, Limit: pageSize }));
            return { rows: page.Keys ?? [], nextToken: page.NextMarker };
          }}
          columns={[
            { id: 'id', header: 'Key ID', isRowHeader: true, cell: key => key.KeyId },
            { id: 'alias', header: 'Aliases', cell: key => <KeyFact keyId={key.KeyId ?? ''} fact="aliases" /> },
            { id: 'state', header: 'Status', cell: key => <KeyFact keyId={key.KeyId ?? ''} fact="state" /> },
            {
              id: 'description',
              header: 'Description',
              cell: key => <KeyFact keyId={key.KeyId ?? ''} fact="description" />,
            },
          ]}
          actions={([key]) => (
            <>
              <ButtonDropdown
                disabled={!key}
                items={[
                  { id: 'enable', text: 'Enable' },
                  { id: 'disable', text: 'Disable' },
                  { id: 'delete', text: 'Schedule deletion' },
                ]}
                onItemClick={({ detail }) => act(detail.id, key?.KeyId ?? '')}
              >
                Actions
              </ButtonDropdown>
              <Button variant="primary" onClick={() => setCreating(true)}>
                Create key
              </Button>
            </>
          )}
          empty={{ text: 'No keys yet. Without one, everything is encrypted under the service’s own.' }}
        />
      </SpaceBetween>
      {creating && <CreateKey created={reload} close={() => setCreating(false)} />}
      {deleting !== undefined && (
        <ConfirmDelete
          what="key"
          name={deleting}
          consequence={`After ${WAITING_DAYS} days nothing that is encrypted under it can be read again. Until then the deletion can be cancelled.`}
          remove={() =>
            kms().send(new ScheduleKeyDeletionCommand({ KeyId: deleting, PendingWindowInDays: WAITING_DAYS }))
          }
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
    </ContentLayout>
  );
}

/** ListKeys names keys and says nothing of them. */
function KeyFact({ keyId, fact }: { keyId: string; fact: 'aliases' | 'state' | 'description' }) {
  const { data, error } = useQuery({
    queryKey: ['keys', 'one', keyId],
    queryFn: async () => {
      const [{ KeyMetadata }, { Aliases = [] }] = await Promise.all([
        kms().send(new DescribeKeyCommand({ KeyId: keyId })),
        kms().send(new ListAliasesCommand({ KeyId: keyId })),
      ]);
      return { KeyMetadata, aliases: Aliases.map(({ AliasName }) => AliasName).join(', ') };
    },
  });
  if (error) return titleOfCode(error.name);
  if (fact === 'state') return <Status status={data?.KeyMetadata?.KeyState} />;
  return (fact === 'aliases' ? data?.aliases : data?.KeyMetadata?.Description) || '–';
}

function CreateKey({ created, close }: { created(): void; close(): void }) {
  const [alias, setAlias] = useState('');
  const [description, setDescription] = useState('');

  async function submit(): Promise<void> {
    const { KeyMetadata } = await kms().send(new CreateKeyCommand({ Description: description }));
    if (alias !== '')
      await kms().send(new CreateAliasCommand({ AliasName: `alias/${alias}`, TargetKeyId: KeyMetadata?.KeyId }));
  }

  return (
    <FormModal
      title="Create key"
      action="Create key"
      isComplete
      submit={submit}
      done={() => {
        notify('success', 'Created a key.');
        created();
      }}
      close={close}
    >
      <FormField label="Alias - optional" constraintText="Named as alias/… where a key is asked for">
        <Input value={alias} onChange={({ detail }) => setAlias(detail.value.trim())} />
      </FormField>
      <FormField label="Description - optional">
        <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
      </FormField>
    </FormModal>
  );
}
