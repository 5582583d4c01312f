import {
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeletePolicyCommand,
  GetPolicyVersionCommand,
  ListPoliciesCommand,
  type Policy,
} from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDelete } from '../../app/confirm-delete.tsx';
import { useDraft } from '../../app/draft.ts';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { NameField } from '../../app/name-field.tsx';
import { isName } from '../../app/names.ts';
import { notify } from '../../app/notices.ts';
import { ResourceTable } from '../../app/resource-table.tsx';
import { when } from '../../app/show.tsx';
import { iam } from '../../aws/iam.ts';
import { indented, JsonText } from './json-text.tsx';
import { PolicyEditor, usePolicyProblem } from './policy-editor.tsx';

const EXAMPLE = `{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Action": ["bedrock:Get*", "bedrock:List*"], "Resource": "*" }
  ]
}`;

export function PoliciesTable() {
  const queries = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [shown, setShown] = useState<Policy>();
  const [editing, setEditing] = useState<Policy>();
  const [deleting, setDeleting] = useState<Policy>();
  const reload = () => queries.invalidateQueries({ queryKey: ['policies'] });
  return (
    <>
      <ResourceTable<Policy>
        name="Policies"
        queryKey={['policies']}
        selection="single"
        idOf={policy => policy.PolicyName ?? ''}
        choice={{
          label: 'Kind',
          options: [
            ['Local', 'Customer managed'],
            ['AWS', 'AWS managed'],
          ],
        }}
        load={async ({ token, pageSize, choice }) => {
          const scope = choice as 'Local' | 'AWS' | undefined;
          const page = await iam().send(new ListPoliciesCommand({ Marker: token, MaxItems: pageSize, Scope: scope }));
          return { rows: page.Policies ?? [], nextToken: page.Marker };
        }}
        columns={[
          { id: 'name', header: 'Policy name', isRowHeader: true, cell: policy => policy.PolicyName },
          { id: 'kind', header: 'Kind', cell: policy => (isOurs(policy) ? 'Customer managed' : 'AWS managed') },
          { id: 'used', header: 'Attached to', cell: policy => policy.AttachmentCount ?? 0 },
          { id: 'updated', header: 'Last updated', cell: policy => when(policy.UpdateDate) },
        ]}
        actions={([policy]) => (
          <>
            <Button disabled={!policy} onClick={() => setShown(policy)}>
              View
            </Button>
            <Button disabled={!policy || !isOurs(policy)} onClick={() => setEditing(policy)}>
              Edit
            </Button>
            <Button disabled={!policy || !isOurs(policy)} onClick={() => setDeleting(policy)}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Create policy
            </Button>
          </>
        )}
        empty={{ text: 'No policies.' }}
      />
      {creating && <CreatePolicy created={reload} close={() => setCreating(false)} />}
      {editing && <EditPolicy policy={editing} saved={reload} close={() => setEditing(undefined)} />}
      {shown && <ViewPolicy policy={shown} close={() => setShown(undefined)} />}
      {deleting && (
        <ConfirmDelete
          what="policy"
          name={deleting.PolicyName ?? ''}
          consequence="It must be detached from every user and role first."
          remove={() => iam().send(new DeletePolicyCommand({ PolicyArn: deleting.Arn }))}
          removed={reload}
          close={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}

function isOurs(policy: Policy): boolean {
  return !policy.Arn?.startsWith('arn:aws:iam::aws:');
}

function useDocument(policy: Policy) {
  return useQuery({
    queryKey: ['policies', policy.Arn, policy.DefaultVersionId],
    async queryFn() {
      const { PolicyVersion } = await iam().send(
        new GetPolicyVersionCommand({ PolicyArn: policy.Arn, VersionId: policy.DefaultVersionId }),
      );
      return decodeURIComponent(PolicyVersion?.Document ?? '');
    },
  });
}

function ViewPolicy({ policy, close }: { policy: Policy; close(): void }) {
  const { data, error } = useDocument(policy);
  return (
    <Modal visible size="large" onDismiss={close} closeAriaLabel="Close" header={policy.PolicyName}>
      {error && <FaultAlert error={error} />}
      {data !== undefined && <JsonText text={data} />}
    </Modal>
  );
}

/** What holds from now on; the version before is kept, of which a policy has five at most. */
function EditPolicy({ policy, saved, close }: { policy: Policy; saved(): void; close(): void }) {
  const { data, error } = useDocument(policy);
  const [changed, setChanged] = useState<string>();
  const text = changed ?? (data === undefined ? '' : indented(data));
  const problem = usePolicyProblem(text, 'identity');
  return (
    <FormModal
      title={`Edit policy ${policy.PolicyName}`}
      action="Save changes"
      isLarge
      isComplete={changed !== undefined && problem === undefined}
      submit={() =>
        iam().send(new CreatePolicyVersionCommand({ PolicyArn: policy.Arn, PolicyDocument: text, SetAsDefault: true }))
      }
      done={() => {
        notify('success', `Saved policy ${policy.PolicyName}.`);
        saved();
      }}
      close={close}
    >
      {error && <FaultAlert error={error} />}
      {data !== undefined && <PolicyEditor text={text} problem={problem} onChange={setChanged} />}
    </FormModal>
  );
}

function CreatePolicy({ created, close }: { created(): void; close(): void }) {
  const [draft, change, forget] = useDraft('policy', { name: '', document: EXAMPLE });
  const problem = usePolicyProblem(draft.document, 'identity');
  return (
    <FormModal
      title="Create policy"
      isLarge
      action="Create policy"
      isComplete={isName('policy', draft.name) && problem === undefined}
      submit={() => iam().send(new CreatePolicyCommand({ PolicyName: draft.name, PolicyDocument: draft.document }))}
      done={() => {
        forget();
        notify('success', `Created policy ${draft.name}.`);
        created();
      }}
      close={close}
    >
      <NameField label="Policy name" kind="policy" name={draft.name} change={name => change({ name })} />
      <PolicyEditor text={draft.document} problem={problem} onChange={document => change({ document })} />
    </FormModal>
  );
}
