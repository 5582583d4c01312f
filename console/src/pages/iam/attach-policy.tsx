import {
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListPoliciesCommand,
} from '@aws-sdk/client-iam';
import FormField from '@cloudscape-design/components/form-field';
import Multiselect from '@cloudscape-design/components/multiselect';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { FormModal } from '../../app/form-modal.tsx';
import { notify } from '../../app/notices.ts';
import { iam } from '../../aws/iam.ts';

interface AttachPolicyProps {
  kind: 'user' | 'role';
  name: string;
  close(): void;
}

/** Which managed policies hold for a user or a role. */
export function AttachPolicy({ kind, name, close }: AttachPolicyProps) {
  const policies = useQuery({ queryKey: ['policies', 'all'], queryFn: allPolicies });
  const attached = useQuery({ queryKey: ['attached', kind, name], queryFn: () => attachedTo(kind, name) });
  const [chosen, setChosen] = useState<readonly string[]>();
  const now = chosen ?? attached.data ?? [];
  const options = (policies.data ?? []).map(({ Arn = '', PolicyName = '' }) => ({ value: Arn, label: PolicyName }));

  async function submit(): Promise<void> {
    const before = attached.data ?? [];
    for (const PolicyArn of now.filter(arn => !before.includes(arn)))
      await (kind === 'user'
        ? iam().send(new AttachUserPolicyCommand({ UserName: name, PolicyArn }))
        : iam().send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn })));
    for (const PolicyArn of before.filter(arn => !now.includes(arn)))
      await (kind === 'user'
        ? iam().send(new DetachUserPolicyCommand({ UserName: name, PolicyArn }))
        : iam().send(new DetachRolePolicyCommand({ RoleName: name, PolicyArn })));
  }

  const problem = policies.error ?? attached.error;
  return (
    <FormModal
      title={`Policies of ${name}`}
      action="Save changes"
      isComplete={chosen !== undefined}
      submit={submit}
      done={() => notify('success', `The policies of ${name} are saved.`)}
      close={close}
    >
      {problem && <FaultAlert error={problem} />}
      <FormField label="Attached policies">
        <Multiselect
          options={options}
          selectedOptions={now.map(arn => options.find(({ value }) => value === arn) ?? { value: arn, label: arn })}
          placeholder="Choose policies"
          filteringType="auto"
          statusType={policies.isPending || attached.isPending ? 'loading' : 'finished'}
          onChange={({ detail }) => setChosen(detail.selectedOptions.map(({ value = '' }) => value))}
        />
      </FormField>
    </FormModal>
  );
}

async function allPolicies() {
  const found: { Arn?: string; PolicyName?: string }[] = [];
  let marker: string | undefined;
  do {
    const page = await iam().send(new ListPoliciesCommand({ Marker: marker }));
    found.push(...(page.Policies ?? []));
    marker = page.Marker;
  } while (marker !== undefined);
  return found;
}

async function attachedTo(kind: 'user' | 'role', name: string): Promise<string[]> {
  const { AttachedPolicies = [] } =
    kind === 'user'
      ? await iam().send(new ListAttachedUserPoliciesCommand({ UserName: name }))
      : await iam().send(new ListAttachedRolePoliciesCommand({ RoleName: name }));
  return AttachedPolicies.map(({ PolicyArn = '' }) => PolicyArn);
}
