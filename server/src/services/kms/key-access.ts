import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { Vault } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import type { GrantRow, KeyRow, KmsRows } from '../../ports/store-kms.ts';
import type { Ids, Time } from '../../ports/time.ts';
import type { EncryptionContext } from './ciphertext.ts';

export interface KmsDependencies {
  store: Store;
  vault: Vault;
  ids: Ids;
  time: Time;
}

/** Whose keys a bare id or alias means. */
export interface KeyScope {
  accountId: string;
  region: string;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const KEY_ID = new RegExp(`^${UUID}$`);
const ARN = new RegExp(`^arn:aws:kms:([a-z0-9-]+):(\\d{12}):(?:key/(${UUID})|(alias/[a-zA-Z0-9/_-]+))$`);

export function keyArn(key: Pick<KeyRow, 'accountId' | 'region' | 'keyId'>): string {
  return `arn:aws:kms:${key.region}:${key.accountId}:key/${key.keyId}`;
}

export function aliasArn(scope: KeyScope, name: string): string {
  return `arn:aws:kms:${scope.region}:${scope.accountId}:${name}`;
}

/**
 * The key that an id, alias, key ARN or alias ARN names, in this Region. @throws Fault NotFoundException with AWS's text
 */
export async function findKey(
  deps: Pick<KmsDependencies, 'time'>,
  rows: KmsRows,
  identifier: string,
  scope: KeyScope,
): Promise<KeyRow> {
  const parsed = ARN.exec(identifier);
  const [, region = scope.region, accountId = scope.accountId] = parsed ?? [];
  const aliasName = parsed ? parsed[4] : identifier.startsWith('alias/') ? identifier : undefined;
  if (parsed === null && aliasName === undefined && !KEY_ID.test(identifier))
    throw notFound(`Invalid keyId '${identifier}'`);
  let keyId = parsed?.[3] ?? identifier;
  if (aliasName !== undefined) {
    const alias = region === scope.region ? await rows.alias(accountId, region, aliasName) : undefined;
    if (alias === undefined) throw notFound(`Alias ${aliasArn({ accountId, region }, aliasName)} is not found.`);
    keyId = alias.keyId;
  }
  const key = await rows.key(keyId);
  const gone = key?.deleteAt != null && key.deleteAt <= deps.time.now().getTime();
  // AWS: a bare id means a key of the caller's account; another account's needs its ARN.
  if (
    key === undefined ||
    gone ||
    key.region !== scope.region ||
    region !== scope.region ||
    key.accountId !== accountId
  )
    throw notFound(`Key '${keyArn({ accountId, region, keyId })}' does not exist`);
  return key;
}

export function notFound(message: string): Fault {
  return new Fault('notFound', message, { code: 'NotFoundException' });
}

/** @throws Fault DisabledException or KMSInvalidStateException for a key that may not be used now */
export function requireEnabled(key: KeyRow): void {
  if (key.state === 'Disabled')
    throw new Fault('conflict', `${keyArn(key)} is disabled.`, { code: 'DisabledException' });
  requireKept(key);
}

/** @throws Fault KMSInvalidStateException for a key that waits for its deletion */
export function requireKept(key: KeyRow): void {
  if (key.state === 'PendingDeletion')
    throw new Fault('conflict', `${keyArn(key)} is pending deletion.`, { code: 'KMSInvalidStateException' });
}

/** The question of an operation on a key: the key's own policy must allow it, or let the account decide, or a grant. */
export function keyQuestion(
  key: KeyRow,
  grants: readonly GrantRow[],
  options: { action?: string; context?: EncryptionContext; conditions?: AccessRequest['conditions'] } = {},
): AccessRequest {
  const conditions: NonNullable<AccessRequest['conditions']> = {
    'kms:KeySpec': 'SYMMETRIC_DEFAULT',
    ...options.conditions,
  };
  for (const [name, value] of Object.entries(options.context ?? {}))
    conditions[`kms:EncryptionContext:${name}`] = value;
  if (options.context !== undefined) conditions['kms:EncryptionContextKeys'] = Object.keys(options.context);
  return {
    ...(options.action === undefined ? {} : { action: options.action }),
    resource: keyArn(key),
    resourceAccountId: key.accountId,
    resourcePolicy: policyWithGrants(key, grants),
    resourcePolicyMustAllow: true,
    conditions,
  };
}

/** The question of an operation on one key. */
export async function askForKey(
  deps: KmsDependencies,
  keyId: string | undefined,
  ctx: RequestContext,
  conditions?: AccessRequest['conditions'],
): Promise<AccessRequest[]> {
  // Nothing to ask about; the check of the input refuses the call.
  if (keyId === undefined) return [];
  return await deps.store.read(async ({ kms }) => {
    const key = await findKey(deps, kms, keyId, ctx);
    const alias = keyId.includes('alias/') ? { 'kms:RequestAlias': keyId.slice(keyId.indexOf('alias/')) } : {};
    const asked = { 'kms:CallerAccount': ctx.accountId, ...alias, ...conditions };
    return [keyQuestion(key, await kms.callerGrants(key.keyId), { conditions: asked })];
  });
}

/** A grant is a statement that allows its grantee its operations, so it is evaluated as one, with denials over it. */
export function policyWithGrants(key: KeyRow, grants: readonly GrantRow[]): string {
  if (grants.length === 0) return key.policy;
  const policy = JSON.parse(key.policy);
  const own = Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement];
  return JSON.stringify({ ...policy, Statement: [...own, ...grants.map(grantStatement)] });
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable, the one that stands for a dollar sign
const LITERAL_DOLLAR = '${$}';

function grantStatement(grant: GrantRow): object {
  const { equals, subset } = grant.constraints;
  const pairs = Object.entries({ ...equals, ...subset });
  const condition: Record<string, Record<string, string | string[]>> = {};
  if (pairs.length > 0)
    condition.StringEquals = Object.fromEntries(
      pairs.map(([name, value]) => [`kms:EncryptionContext:${name}`, value.replaceAll('$', () => LITERAL_DOLLAR)]),
    );
  if (equals !== undefined)
    condition['ForAllValues:StringEquals'] = { 'kms:EncryptionContextKeys': Object.keys(equals) };
  const kind = grant.granteePrincipal.endsWith('.amazonaws.com') ? 'Service' : 'AWS';
  return {
    Effect: 'Allow',
    Principal: { [kind]: grant.granteePrincipal },
    Action: grant.operations.map(operation => `kms:${operation}`),
    Resource: '*',
    ...(Object.keys(condition).length > 0 ? { Condition: condition } : {}),
  };
}
