import { createHash } from 'node:crypto';
import { resourceTagConditions } from '../../domain/access/context.ts';
import { principalArns } from '../../domain/access/principal.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Principal, RequestContext } from '../../domain/operation.ts';
import type { Vault } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import type { GrantRow, KeyRow, KmsRows } from '../../ports/store-kms.ts';
import type { Ids, Time } from '../../ports/time.ts';
import { type EncryptionContext, invalidCiphertext, readHeader } from './ciphertext.ts';

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

/** @throws Fault NotFoundException for an alias, where only an id or ARN of a key will do */
export function refuseAlias(keyId: string): void {
  if (keyId.includes('alias/')) throw notFound(`Invalid keyId '${keyId}'`);
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

/** Names one version of a key's material, as AWS does: 64 hexadecimal digits. */
export function materialId(keyId: string, version: number): string {
  return createHash('sha256').update(`${keyId}:${version}`).digest('hex');
}

/** The material that a ciphertext was made with, of whatever age. @throws Fault InvalidCiphertextException */
export async function materialOf(rows: KmsRows, key: KeyRow, ciphertext: Uint8Array): Promise<string> {
  const { version } = readHeader(ciphertext);
  if (version === key.materialVersion) return key.sealedMaterial;
  const rotation = await rows.rotation(key.keyId, version);
  if (rotation === undefined) throw invalidCiphertext('it is none that this service made');
  return rotation.sealedMaterial;
}

/** What stands beside a key's policy in deciding about it: of its grants, those that reach the caller. */
export interface KeyFacts {
  grants: readonly GrantRow[];
  aliasNames: readonly string[];
}

export async function keyFacts(rows: KmsRows, key: KeyRow, caller: Principal): Promise<KeyFacts> {
  const aliases = await rows.aliasesOf(key);
  const grants = await rows.grantsTo(key.keyId, principalArns(caller));
  return { grants, aliasNames: aliases.map(({ name }) => name) };
}

/**
 * The question of an operation on a key: the key's own policy must allow it, or let the account decide, or a grant.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 */
export function keyQuestion(
  key: KeyRow,
  facts: KeyFacts,
  options: { action?: string; context?: EncryptionContext; conditions?: AccessRequest['conditions'] } = {},
): AccessRequest {
  const conditions: NonNullable<AccessRequest['conditions']> = {
    ...ORIGIN_CONDITIONS,
    'kms:KeySpec': key.spec,
    'kms:KeyUsage': key.usage,
    'kms:ResourceAliases': [...facts.aliasNames],
    ...resourceTagConditions(key.tags),
    ...options.conditions,
  };
  for (const [name, value] of Object.entries(options.context ?? {}))
    conditions[`kms:EncryptionContext:${name}`] = value;
  if (options.context !== undefined) conditions['kms:EncryptionContextKeys'] = Object.keys(options.context);
  return {
    ...(options.action === undefined ? {} : { action: options.action }),
    resource: keyArn(key),
    resourceAccountId: key.accountId,
    resourcePolicy: policyWithGrants(
      key,
      facts.grants.filter(grant => holdsExactly(grant, options.context)),
    ),
    resourcePolicyMustAllow: true,
    conditions,
  };
}

/** Of every key here: its material was made here, for one Region. */
export const ORIGIN_CONDITIONS = { 'kms:KeyOrigin': 'AWS_KMS', 'kms:MultiRegion': false };

/** @throws Fault DryRunOperationException, for a call that has come so far and asks not to be done */
export function refuseDryRun({ DryRun: dryRun }: { DryRun?: boolean | undefined }): void {
  if (dryRun)
    throw new Fault('conflict', 'The request would have succeeded, but the DryRun option is set.', {
      code: 'DryRunOperationException',
    });
}

/** AWS: whatever only administers a key wants its id or ARN. */
const TAKE_AN_ALIAS = new Set(['DescribeKey', 'Sign', 'Verify', 'GetPublicKey', 'GenerateMac', 'VerifyMac']);

/**
 * The question of an operation on one key.
 * @param counts which grants may allow it; all where absent
 * @throws Fault NotFoundException, also for an alias where the operation takes none
 */
export async function askForKey(
  deps: KmsDependencies,
  keyId: string | undefined,
  ctx: RequestContext,
  conditions?: AccessRequest['conditions'],
  counts: (grant: GrantRow) => boolean = () => true,
): Promise<AccessRequest[]> {
  // Nothing to ask about; the check of the input refuses the call.
  if (keyId === undefined) return [];
  if (!TAKE_AN_ALIAS.has(ctx.operation)) refuseAlias(keyId);
  const key = await deps.store.read(({ kms }) => findKey(deps, kms, keyId, ctx));
  return [await questionOf(deps, key, keyId, ctx, conditions, counts)];
}

/** The question of an operation on a key that was found. @param keyId what the caller names it by */
export async function questionOf(
  deps: KmsDependencies,
  key: KeyRow,
  keyId: string,
  ctx: RequestContext,
  conditions?: AccessRequest['conditions'],
  counts: (grant: GrantRow) => boolean = () => true,
): Promise<AccessRequest> {
  const asked = { 'kms:CallerAccount': ctx.accountId, ...aliasCondition(keyId), ...conditions };
  const facts = await deps.store.read(({ kms }) => keyFacts(kms, key, ctx.principal));
  return keyQuestion(key, { ...facts, grants: facts.grants.filter(counts) }, { conditions: asked });
}

/** The alias that a caller names a key by. */
export function aliasCondition(keyId: string): Record<string, string> {
  return keyId.includes('alias/') ? { 'kms:RequestAlias': keyId.slice(keyId.indexOf('alias/')) } : {};
}

/** A grant is a statement that allows its grantee its operations, so it is evaluated as one, with denials over it. */
export function policyWithGrants(key: KeyRow, grants: readonly GrantRow[]): string {
  if (grants.length === 0) return key.policy;
  const policy = JSON.parse(key.policy);
  const own = Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement];
  return JSON.stringify({ ...policy, Statement: [...own, ...grants.flatMap(grantStatements)] });
}

/**
 * AWS: the constraints of a grant are compared with case; condition keys, which its statement has, are not. Names that
 * differ in case alone would else stand in for one another.
 */
function holdsExactly({ constraints }: GrantRow, context: EncryptionContext): boolean {
  if (context === undefined) return true;
  const { equals, subset } = constraints;
  const isThere = ([name, value]: [string, string]) => Object.hasOwn(context, name) && context[name] === value;
  return Object.entries({ ...equals, ...subset }).every(isThere);
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable, the one that stands for a dollar sign
const LITERAL_DOLLAR = '${$}';

/** AWS: the constraints of a grant hold for the operations that take an encryption context, and for no others. */
const WITHOUT_CONTEXT = new Set([
  ...['CreateGrant', 'DescribeKey', 'RetireGrant', 'Sign', 'Verify', 'GetPublicKey', 'GenerateMac', 'VerifyMac'],
]);

function grantStatements(grant: GrantRow): object[] {
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
  const allowed = (operations: readonly string[], Condition?: object): object[] =>
    operations.length === 0
      ? []
      : [
          {
            Effect: 'Allow',
            Principal: { [kind]: grant.granteePrincipal },
            Action: operations.map(operation => `kms:${operation}`),
            Resource: '*',
            ...(Condition && { Condition }),
          },
        ];
  return [
    ...allowed(
      grant.operations.filter(operation => !WITHOUT_CONTEXT.has(operation)),
      condition,
    ),
    ...allowed(grant.operations.filter(operation => WITHOUT_CONTEXT.has(operation))),
  ];
}
