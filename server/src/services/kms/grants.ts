import type {
  CreateGrantRequest,
  CreateGrantResponse,
  GrantListEntry,
  ListGrantsRequest,
  ListGrantsResponse,
  ListRetirableGrantsRequest,
  RetireGrantRequest,
  RevokeGrantRequest,
} from '@aws-sdk/client-kms';
import { unknownIdentity } from '../../domain/access/unknown-principals.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation, Principal, RequestContext } from '../../domain/operation.ts';
import type { GrantRow, KeyRow, KmsRows } from '../../ports/store-kms.ts';
import {
  askForKey,
  findKey,
  type KmsDependencies,
  keyArn,
  notFound,
  refuseDryRun,
  requireEnabled,
} from './key-access.ts';
import { seekPage } from './paging.ts';

const ANY_KEY = ['CreateGrant', 'DescribeKey', 'RetireGrant'];
/** What a grant can allow, by the key's usage. */
const OPERATIONS: Record<KeyRow['usage'], readonly string[]> = {
  ENCRYPT_DECRYPT: [
    ...['Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'],
    ...['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext', ...ANY_KEY],
  ],
  SIGN_VERIFY: ['Sign', 'Verify', 'GetPublicKey', ...ANY_KEY],
  GENERATE_VERIFY_MAC: ['GenerateMac', 'VerifyMac', ...ANY_KEY],
};
const PRINCIPAL = /^(arn:aws:(iam|sts)::\d{12}:(root|(user|role|assumed-role)\/\S+)|[a-z0-9.-]+\.amazonaws\.com)$/;

export function grantOperations(deps: KmsDependencies) {
  return {
    CreateGrant: {
      authorize(input: CreateGrantRequest, ctx) {
        const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = input.Constraints ?? {};
        const conditions = {
          'kms:GrantOperations': input.Operations ?? [],
          'kms:GranteePrincipal': input.GranteePrincipal,
          'kms:RetiringPrincipal': input.RetiringPrincipal,
          'kms:GrantConstraintType': equals ? 'EncryptionContextEquals' : subset && 'EncryptionContextSubset',
          'kms:GrantIsForAWSResource': false,
        };
        // AWS: whom a grant lets make grants can hand on no more than that grant gives.
        return askForKey(deps, input.KeyId, ctx, conditions, grant => givesAtLeast(grant, input));
      },
      async handle(input: CreateGrantRequest, ctx): Promise<CreateGrantResponse> {
        checkPrincipals(input);
        const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = input.Constraints ?? {};
        return await deps.store.transaction(async ({ iam, kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          requireEnabled(key);
          const named = [input.GranteePrincipal ?? '', input.RetiringPrincipal ?? ''];
          const unknown = await unknownIdentity(iam, key.accountId, named);
          if (unknown !== undefined)
            throw new Fault('invalid', `There is no ${unknown}.`, { code: 'InvalidArnException' });
          checkOperations(input, key);
          const grant: GrantRow = {
            grantId: Buffer.from(deps.ids.bytes(32)).toString('hex'),
            keyId: key.keyId,
            issuingAccountId: ctx.accountId,
            granteePrincipal: input.GranteePrincipal ?? '',
            retiringPrincipal: input.RetiringPrincipal ?? null,
            operations: [...new Set(input.Operations)],
            constraints: { ...(equals && { equals }), ...(subset && { subset }) },
            name: input.Name ?? '',
            createdAt: deps.time.now().toISOString(),
          };
          // AWS: a name makes the call repeatable.
          const alike = grant.name === '' ? [] : await kms.grantsNamed(key.keyId, grant.name);
          const same = alike.find(other => sameGrant(other, grant));
          refuseDryRun(input);
          if (same === undefined) await kms.insertGrant(grant);
          return { GrantId: (same ?? grant).grantId, GrantToken: tokenOf(same ?? grant) };
        });
      },
    },

    ListGrants: {
      authorize: (input: ListGrantsRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: ListGrantsRequest, ctx): Promise<ListGrantsResponse> {
        return await deps.store.read(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          const { GrantId: grantId, GranteePrincipal: granteePrincipal } = input;
          const { items, ...page } = await seekPage(
            input,
            (grant: GrantRow) => grant.grantId,
            page => kms.grants(key.keyId, { ...page, grantId, granteePrincipal }),
          );
          return { ...page, Grants: items.map(grant => describeGrant(grant, key)) };
        });
      },
    },

    ListRetirableGrants: {
      authorize: (_input: ListRetirableGrantsRequest) => [{ resource: '*' }],
      async handle(input: ListRetirableGrantsRequest, ctx): Promise<ListGrantsResponse> {
        return await deps.store.read(async ({ kms }) => {
          const { items, ...page } = await seekPage(
            input,
            (grant: GrantRow) => grant.grantId,
            page => kms.grantsRetirableBy(input.RetiringPrincipal ?? '', ctx.accountId, ctx.region, page),
          );
          const Grants = items.map(grant =>
            describeGrant(grant, { keyId: grant.keyId, accountId: ctx.accountId, region: ctx.region }),
          );
          return { ...page, Grants };
        });
      },
    },

    RevokeGrant: {
      authorize: (input: RevokeGrantRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: RevokeGrantRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          const { grantId } = await findGrant(kms, key, input.GrantId);
          refuseDryRun(input);
          await kms.deleteGrant(grantId);
          return {};
        });
      },
    },

    RetireGrant: {
      async authorize(input: RetireGrantRequest, ctx) {
        const { grant, key } = await deps.store.read(({ kms }) => grantToRetire(deps, kms, input, ctx));
        // The grant itself says who may end it; anyone else needs the key's policy.
        return mayRetire(grant, ctx.principal) ? [] : await askForKey(deps, keyArn(key), ctx);
      },
      async handle(input: RetireGrantRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const { grant } = await grantToRetire(deps, kms, input, ctx);
          refuseDryRun(input);
          await kms.deleteGrant(grant.grantId);
          return {};
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/**
 * Grants here are in force at once, so a token gives nothing; one that stands for no grant is refused, as on AWS.
 * @throws Fault InvalidGrantTokenException
 */
export async function refuseUnknownGrantTokens(
  deps: KmsDependencies,
  { GrantTokens: tokens = [] }: { GrantTokens?: readonly string[] | undefined },
  ctx: RequestContext,
): Promise<void> {
  if (tokens.length > 0)
    await deps.store.read(async ({ kms }) => {
      for (const token of tokens) await grantOfToken(kms, token, 'GrantTokens', ctx);
    });
}

function givesAtLeast({ operations, constraints }: GrantRow, asked: CreateGrantRequest): boolean {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = asked.Constraints ?? {};
  if (asked.Operations?.some(operation => !operations.includes(operation))) return false;
  const holds = (pairs: Record<string, string>, wanted: Record<string, string>) =>
    Object.entries(wanted).every(([name, value]) => pairs[name] === value);
  if (constraints.equals !== undefined)
    return equals !== undefined && holds(equals, constraints.equals) && holds(constraints.equals, equals);
  return constraints.subset === undefined || holds({ ...subset, ...equals }, constraints.subset);
}

function checkOperations(input: CreateGrantRequest, key: KeyRow): void {
  const possible = OPERATIONS[key.usage];
  if (!input.Operations?.length) throw new Fault('invalid', 'Operations must name at least one operation.');
  for (const operation of input.Operations)
    if (!possible.includes(operation))
      throw new Fault(
        'invalid',
        `Operations: a grant on a key for ${key.usage} cannot allow ${operation}; it can: ${possible.join(', ')}.`,
      );
  if (input.Constraints !== undefined && key.usage !== 'ENCRYPT_DECRYPT')
    throw new Fault('invalid', `Constraints: operations of a key for ${key.usage} have no encryption context.`);
}

function checkPrincipals(input: CreateGrantRequest): void {
  for (const [member, principal] of Object.entries({
    GranteePrincipal: input.GranteePrincipal,
    RetiringPrincipal: input.RetiringPrincipal,
  }))
    if (principal !== undefined && !PRINCIPAL.test(principal))
      throw new Fault('invalid', `${member} must be the ARN of a user, role or account; you sent "${principal}".`, {
        code: 'InvalidArnException',
      });
  if (input.GranteeServicePrincipal !== undefined || input.RetiringServicePrincipal !== undefined)
    throw new Fault('unsupported', 'Service principals in grants are not supported by this server.', {
      code: 'UnsupportedOperationException',
    });
}

async function findGrant(rows: KmsRows, key: KeyRow, grantId: string | undefined): Promise<GrantRow> {
  const grant = await rows.grant(grantId ?? '');
  if (grant === undefined || grant.keyId !== key.keyId)
    throw notFound(`Grant ${grantId} is not found on ${keyArn(key)}.`);
  return grant;
}

async function grantToRetire(
  deps: KmsDependencies,
  rows: KmsRows,
  input: RetireGrantRequest,
  ctx: RequestContext,
): Promise<{ grant: GrantRow; key: KeyRow }> {
  if (input.GrantToken === undefined) {
    if (input.KeyId === undefined || input.GrantId === undefined)
      throw new Fault('invalid', 'Give a GrantToken, or both KeyId and GrantId.');
    const key = await findKey(deps, rows, input.KeyId, ctx);
    return { key, grant: await findGrant(rows, key, input.GrantId) };
  }
  return await grantOfToken(rows, input.GrantToken, 'GrantToken', ctx);
}

async function grantOfToken(
  rows: KmsRows,
  token: string,
  member: string,
  ctx: RequestContext,
): Promise<{ grant: GrantRow; key: KeyRow }> {
  const grant = await rows.grant(Buffer.from(token, 'base64').toString('hex'));
  const key = grant && (await rows.key(grant.keyId));
  if (grant === undefined || key === undefined || key.region !== ctx.region)
    throw new Fault('invalid', `${member}: "${token}" is none of a grant that is in force.`, {
      code: 'InvalidGrantTokenException',
    });
  return { grant, key };
}

function mayRetire(grant: GrantRow, principal: Principal): boolean {
  const names = [principal.arn, principal.roleArn];
  if (names.includes(grant.retiringPrincipal ?? '')) return true;
  return grant.operations.includes('RetireGrant') && names.includes(grant.granteePrincipal);
}

function sameGrant(a: GrantRow, b: GrantRow): boolean {
  const essence = ({ grantId: _id, createdAt: _at, operations, ...rest }: GrantRow) =>
    JSON.stringify({ ...rest, operations: operations.toSorted() });
  return essence(a) === essence(b);
}

function tokenOf(grant: GrantRow): string {
  return Buffer.from(grant.grantId, 'hex').toString('base64');
}

function describeGrant(grant: GrantRow, key: Pick<KeyRow, 'keyId' | 'accountId' | 'region'>): GrantListEntry {
  const { equals, subset } = grant.constraints;
  return {
    KeyId: keyArn(key),
    GrantId: grant.grantId,
    Name: grant.name,
    CreationDate: new Date(grant.createdAt),
    GranteePrincipal: grant.granteePrincipal,
    ...(grant.retiringPrincipal === null ? {} : { RetiringPrincipal: grant.retiringPrincipal }),
    IssuingAccount: `arn:aws:iam::${grant.issuingAccountId}:root`,
    Operations: grant.operations as NonNullable<GrantListEntry['Operations']>,
    ...(equals || subset
      ? {
          Constraints: {
            ...(equals && { EncryptionContextEquals: equals }),
            ...(subset && { EncryptionContextSubset: subset }),
          },
        }
      : {}),
  };
}
