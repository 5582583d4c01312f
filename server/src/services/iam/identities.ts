import type { AttachedPermissionsBoundary, Tag } from '@aws-sdk/client-iam';
import { resourceTagConditions } from '../../domain/access/context.ts';
import { type PolicyKind, parsePolicy } from '../../domain/access/document.ts';
import { identityArn, parseIamArn } from '../../domain/access/identity.ts';
import { awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import { unknownPrincipal } from '../../domain/access/unknown-principals.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { IamRows, IdentityKind, IdentityRow } from '../../ports/store-iam.ts';
import type { CredentialDependencies } from './credentials.ts';
import { alreadyExists, invalidInput, noSuchIdentity, noSuchPolicy, overQuota } from './faults.ts';

export type IamDependencies = CredentialDependencies;

const PREFIXES: Record<IdentityKind, string> = { user: 'AIDA', role: 'AROA', group: 'AGPA' };

/** @throws Fault NoSuchEntity with AWS's text */
export async function findIdentity(
  rows: IamRows,
  kind: IdentityKind,
  accountId: string,
  name: string,
): Promise<IdentityRow> {
  const row = await rows.identity(kind, accountId, name);
  if (row === undefined) throw noSuchIdentity(kind, name);
  return row;
}

/** The question of an operation on one user, role or group. An identity that is not there is asked for without a path. */
export async function identityQuestion(
  deps: IamDependencies,
  kind: IdentityKind,
  name: string,
  ctx: RequestContext,
): Promise<AccessRequest[]> {
  const row = await deps.store.read(rows => rows.iam.identity(kind, ctx.accountId, name));
  if (row === undefined) return [{ resource: identityArn({ kind, accountId: ctx.accountId, path: '/', name }) }];
  const conditions: NonNullable<AccessRequest['conditions']> = resourceTagConditions(row.tags);
  for (const [key, value] of Object.entries(row.tags)) conditions[`iam:ResourceTag/${key}`] = value;
  // AWS: so that who may hand out policies can be kept to users and roles that have the boundary.
  if (row.boundaryArn !== null) conditions['iam:PermissionsBoundary'] = row.boundaryArn;
  return [{ resource: identityArn(row), conditions }];
}

/** What lists are ordered by: names differ whatever their case. */
export function nameKey(row: Pick<IdentityRow, 'name'>): string {
  return row.name.toLowerCase();
}

/** A new row of a kind. @throws Fault EntityAlreadyExists, whatever the case of the name */
export async function insertIdentity(
  deps: IamDependencies,
  rows: IamRows,
  row: Omit<IdentityRow, 'id' | 'createdAt'>,
): Promise<IdentityRow> {
  const word = `${row.kind[0]?.toUpperCase()}${row.kind.slice(1)}`;
  if (await rows.identityNamed(row.kind, row.accountId, row.name))
    throw alreadyExists(`${word} with name ${row.name} already exists.`);
  const whole = { ...row, id: PREFIXES[row.kind] + deps.ids.upper(17), createdAt: deps.time.now().toISOString() };
  await rows.insertIdentity(whole);
  return whole;
}

/** @throws Fault NoSuchEntity when there is no such policy to bound with */
export async function checkBoundary(rows: IamRows, accountId: string, arn: string | undefined): Promise<string | null> {
  if (arn === undefined) return null;
  await checkAttachable(rows, accountId, arn);
  return arn;
}

/** @throws Fault when no managed policy of this account or of AWS has the ARN */
export async function checkAttachable(rows: IamRows, accountId: string, arn: string): Promise<void> {
  const parsed = parseIamArn(arn);
  if (parsed?.type !== 'policy') throw invalidInput(`ARN ${arn} is not valid.`);
  if (awsManagedPolicy(arn) !== undefined) return;
  if (parsed.accountId !== accountId || (await rows.policy(arn)) === undefined) throw noSuchPolicyToAttach(arn);
}

function noSuchPolicyToAttach(arn: string): Fault {
  const { message, code } = noSuchPolicy(arn);
  return new Fault('notFound', message.replace('was not found', 'does not exist or is not attachable'), {
    ...(code === undefined ? {} : { code }),
  });
}

/** Checks a policy document that a caller wants stored. @throws Fault MalformedPolicyDocument or LimitExceeded */
export function checkDocument(document: string, kind: PolicyKind, maximumCharacters: number, quota: string): void {
  try {
    parsePolicy(document, { kind, maximumCharacters });
  } catch (error) {
    if (error instanceof Fault && error.kind === 'quota') throw overQuota(quota, maximumCharacters);
    throw error;
  }
}

/** @throws Fault MalformedPolicyDocument, LimitExceeded */
export function checkManagedPolicy(document: string): void {
  checkDocument(document, 'identity', 6144, 'PolicySize');
}

/** @throws Fault MalformedPolicyDocument, LimitExceeded */
export async function checkTrustPolicy(rows: IamRows, accountId: string, document: string): Promise<void> {
  checkDocument(document, 'trust', 4096, 'ACLSizePerRole');
  const unknown = await unknownPrincipal(rows, accountId, parsePolicy(document, { kind: 'trust' }));
  if (unknown !== undefined)
    throw new Fault('invalid', `Invalid principal in policy: "AWS":"${unknown}"`, { code: 'MalformedPolicyDocument' });
}

/** AWS: the keys of tags are the same whatever their case, but those of managed policies. */
const FOLDED = (key: string) => key.toLowerCase();
export const AS_WRITTEN = (key: string) => key;

/**
 * @param fold keys that it makes the same are one key
 * @throws Fault InvalidInput for a key given twice, LimitExceeded past 50
 */
export function tagRecord(
  tags: readonly Tag[] | undefined,
  existing: Record<string, string> = {},
  fold = FOLDED,
): Record<string, string> {
  const record: Record<string, string> = { ...existing };
  const seen = new Set<string>();
  for (const { Key: key = '', Value: value = '' } of tags ?? []) {
    const folded = fold(key);
    if (seen.has(folded))
      throw invalidInput(
        `Duplicate tag keys found: "${key}".${fold === FOLDED ? ' Tag keys are compared without case.' : ''}`,
      );
    if (FOLDED(key).startsWith('aws:')) throw invalidInput(`Tag keys may not begin with "aws:"; "${key}" does.`);
    seen.add(folded);
    for (const old of Object.keys(record)) if (fold(old) === folded) delete record[old];
    record[key] = value;
  }
  if (Object.keys(record).length > 50) throw overQuota('TagsPerResource', 50);
  return record;
}

/** Tags but those of the keys. @param fold as for tagRecord */
export function without(
  tags: Record<string, string>,
  keys: readonly string[] = [],
  fold = FOLDED,
): Record<string, string> {
  const gone = new Set(keys.map(fold));
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(fold(key))));
}

export function tagList(tags: Record<string, string>): { Key: string; Value: string }[] {
  return Object.entries(tags)
    .map(([Key, Value]) => ({ Key, Value }))
    .sort((a, b) => (a.Key < b.Key ? -1 : 1));
}

/** Policy documents leave URL-encoded (RFC 3986), as AWS sends them. */
export function encodeDocument(document: string): string {
  return encodeURIComponent(document).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The boundary of a user or role as answers show it. */
export function boundaryOf({ boundaryArn }: IdentityRow): { PermissionsBoundary?: AttachedPermissionsBoundary } {
  if (boundaryArn === null) return {};
  // AWS: answers say "Policy", though the model's enumeration has only PermissionsBoundaryPolicy.
  const PermissionsBoundaryType = 'Policy' as 'PermissionsBoundaryPolicy';
  return { PermissionsBoundary: { PermissionsBoundaryType, PermissionsBoundaryArn: boundaryArn } };
}
