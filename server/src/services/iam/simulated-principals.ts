import { parsePolicy } from '../../domain/access/document.ts';
import { parseIamArn, rolePrincipal, userPrincipal } from '../../domain/access/identity.ts';
import { awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import type { SimulatedPolicy } from '../../domain/access/simulate.ts';
import { statementPositions } from '../../domain/access/statement-positions.ts';
import type { Principal } from '../../domain/operation.ts';
import type { IamRows, IdentityRow } from '../../ports/store-iam.ts';
import { invalidInput, noSuchIdentity } from './faults.ts';

/** The user, role or group whose policies are simulated. @throws Fault NoSuchEntity, InvalidInput for another ARN */
export async function findPolicySource(rows: IamRows, arn: string, accountId: string): Promise<IdentityRow> {
  const parsed = parseIamArn(arn);
  if (parsed === undefined || parsed.type === 'policy')
    throw invalidInput(`PolicySourceArn must be the ARN of a user, group or role; you sent "${arn}".`);
  const { type, name, path } = parsed;
  const row = parsed.accountId === accountId ? await rows.identity(type, accountId, name) : undefined;
  if (row === undefined || row.path !== path) throw noSuchIdentity(type, name);
  return row;
}

/** Every policy of an identity with its name: its own, and for a user those of its groups. */
export async function policiesOfIdentity(rows: IamRows, identity: IdentityRow): Promise<SimulatedPolicy[]> {
  const groupIds = identity.kind === 'user' ? await rows.groupIdsOf(identity.id) : [];
  const policies: SimulatedPolicy[] = [];
  for (const id of [identity.id, ...groupIds]) {
    const owner = id === identity.id ? identity : await rows.identityById(id);
    if (owner === undefined) continue;
    for (const { name, document } of await rows.inlinePolicies(id))
      policies.push(simulatedPolicy(`${owner.kind}_${owner.name}_${name}`, owner.kind, document));
    for (const arn of await rows.attachedPolicyArns(id)) {
      const managed = await managedPolicy(rows, arn);
      if (managed) policies.push(managed);
    }
  }
  return policies;
}

/** A managed policy in its default version. */
export async function managedPolicy(rows: IamRows, arn: string): Promise<SimulatedPolicy | undefined> {
  const ofAws = awsManagedPolicy(arn);
  if (ofAws) return simulatedPolicy(ofAws.policy.name, 'aws-managed', ofAws.version.document);
  const policy = await rows.policy(arn);
  const version = policy && (await rows.policyVersion(arn, policy.defaultVersion));
  return policy && version && simulatedPolicy(policy.name, 'user-managed', version.document);
}

export function simulatedPolicy(id: string, type: SimulatedPolicy['type'], text: string): SimulatedPolicy {
  const kind = type === 'resource' ? 'stored' : 'attached';
  const document = parsePolicy(text, { kind, code: 'InvalidInput' });
  return { id, type, document, positions: statementPositions(text) };
}

/** The identity as it would call; a group calls as nobody in particular. */
export function callerOf(identity: IdentityRow): Principal {
  if (identity.kind === 'user') return userPrincipal(identity);
  if (identity.kind === 'role') return rolePrincipal(identity);
  return unnamedCaller(identity.accountId);
}

/** Some user of the account, whom no policy names. */
export function unnamedCaller(accountId: string): Principal {
  return { type: 'user', arn: '', accountId, userId: '' };
}
