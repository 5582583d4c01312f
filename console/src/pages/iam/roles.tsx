import { DeleteRoleCommand, ListRolesCommand, type Role, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
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
import { when } from '../../app/show.tsx';
import { callRoute } from '../../aws/clients.ts';
import { iam } from '../../aws/iam.ts';
import { AttachPolicy } from './attach-policy.tsx';
import { indented } from './json-text.tsx';
import { PolicyEditor, usePolicyProblem } from './policy-editor.tsx';

type Dialog = 'create' | 'trust' | 'policy' | 'delete';

export function RolesTable() {
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<{ what: Dialog; role?: Role }>();
  const reload = () => queries.invalidateQueries({ queryKey: ['roles'] });
  const close = () => setDialog(undefined);
  const name = dialog?.role?.RoleName ?? '';
  return (
    <>
      <ResourceTable<Role>
        name="Roles"
        queryKey={['roles', 'table']}
        selection="single"
        idOf={role => role.RoleName ?? ''}
        load={async ({ token, pageSize }) => {
          const page = await iam().send(new ListRolesCommand({ Marker: token, MaxItems: pageSize }));
          return { rows: page.Roles ?? [], nextToken: page.Marker };
        }}
        columns={[
          { id: 'name', header: 'Role name', isRowHeader: true, cell: role => role.RoleName },
          { id: 'arn', header: 'ARN', minWidth: 200, cell: role => <span className="path">{role.Arn}</span> },
          { id: 'description', header: 'Description', cell: role => role.Description ?? '–' },
          { id: 'created', header: 'Creation time', cell: role => when(role.CreateDate) },
        ]}
        actions={([role]) => (
          <>
            <ButtonDropdown
              disabled={!role}
              items={[
                { id: 'trust', text: 'Edit who may assume it' },
                { id: 'policy', text: 'Attach a policy' },
                { id: 'delete', text: 'Delete' },
              ]}
              onItemClick={({ detail }) => setDialog({ what: detail.id as Dialog, ...(role && { role }) })}
            >
              Actions
            </ButtonDropdown>
            <Button variant="primary" onClick={() => setDialog({ what: 'create' })}>
              Create role for fine-tuning
            </Button>
          </>
        )}
        empty={{ text: 'No roles yet. A fine-tuning job works with the rights of one.' }}
      />
      {dialog?.what === 'create' && <CreateServiceRole created={reload} close={close} />}
      {dialog?.what === 'policy' && <AttachPolicy kind="role" name={name} close={close} />}
      {dialog?.what === 'trust' && dialog.role && <EditTrust role={dialog.role} saved={reload} close={close} />}
      {dialog?.what === 'delete' && (
        <ConfirmDelete
          what="role"
          name={name}
          consequence="Jobs that work with it fail. Its policies must be removed first."
          remove={() => iam().send(new DeleteRoleCommand({ RoleName: name }))}
          removed={reload}
          close={close}
        />
      )}
    </>
  );
}

function EditTrust({ role, saved, close }: { role: Role; saved(): void; close(): void }) {
  const [text, setText] = useState(() => indented(decodeURIComponent(role.AssumeRolePolicyDocument ?? '')));
  const problem = usePolicyProblem(text, 'trust');
  return (
    <FormModal
      title={`Trust policy of ${role.RoleName}`}
      action="Save changes"
      isLarge
      isComplete={problem === undefined}
      submit={() => iam().send(new UpdateAssumeRolePolicyCommand({ RoleName: role.RoleName, PolicyDocument: text }))}
      done={() => {
        notify('success', `Saved the trust policy of ${role.RoleName}.`);
        saved();
      }}
      close={close}
    >
      <PolicyEditor text={text} problem={problem} onChange={setText} />
    </FormModal>
  );
}

/** The role wizard: exactly what a fine-tuning job needs, and no more. */
function CreateServiceRole({ created, close }: { created(): void; close(): void }) {
  const [roleName, setRoleName] = useState('');
  const [trainingData, setTrainingData] = useState('');
  const [output, setOutput] = useState('');
  return (
    <FormModal
      title="Create role for fine-tuning"
      action="Create role"
      isComplete={isName('role', roleName) && trainingData !== '' && output !== ''}
      submit={() =>
        callRoute({ method: 'POST', path: '/service-roles', body: { roleName, trainingData: [trainingData], output } })
      }
      done={() => {
        notify('success', `Created role ${roleName}.`);
        created();
      }}
      close={close}
    >
      <NameField label="Role name" kind="role" name={roleName} change={setRoleName} />
      <FormField label="May read" constraintText="Such as s3://bucket/data-sets/">
        <Input value={trainingData} onChange={({ detail }) => setTrainingData(detail.value.trim())} />
      </FormField>
      <FormField label="May write below" constraintText="Such as s3://bucket/output">
        <Input value={output} onChange={({ detail }) => setOutput(detail.value.trim())} />
      </FormField>
    </FormModal>
  );
}
