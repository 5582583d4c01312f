import { conditionContext } from '../../domain/access/context.ts';
import { parsePolicy } from '../../domain/access/document.ts';
import { evaluate } from '../../domain/access/evaluate.ts';
import { SealBroken } from '../../domain/encryption/sealing.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Principal } from '../../domain/operation.ts';
import type { KeyCaller, KeyOwner, Keyring } from '../../ports/keys.ts';
import type { GrantRow, KeyRow } from '../../ports/store-kms.ts';
import { decryptUnder, encryptUnder } from './ciphertext.ts';
import {
  findKey,
  type KmsDependencies,
  keyArn,
  keyFacts,
  keyQuestion,
  materialOf,
  policyWithGrants,
  requireEnabled,
} from './key-access.ts';
import { rotatedKey } from './rotation.ts';

const SERVICE = 'bedrock.amazonaws.com';
const GRANTED = ['Decrypt', 'GenerateDataKey', 'DescribeKey', 'CreateGrant'];
const CONTEXT_KEY = 'aws:bedrock:arn';
/** What AWS's guide tells the customer to allow (facts §3.6). */
const CALLER_ACTIONS = ['kms:DescribeKey', 'kms:GenerateDataKey', 'kms:Decrypt', 'kms:CreateGrant'];

/**
 * The keys that encrypt what the service keeps for an account. With a customer's key, the service holds a grant of its own
 * for each model, and asks the key's policy each time: whoever revokes the grant or disables the key has the model closed.
 */
export function createKeyring(deps: KmsDependencies): Keyring {
  async function customerKey(owner: KeyOwner): Promise<{ key: KeyRow; grants: GrantRow[] }> {
    return await deps.store.read(async ({ kms }) => {
      const key = await findKey(deps, kms, owner.keyArn ?? '', owner);
      return { key, grants: await kms.grantsNamed(key.keyId, grantName(owner)) };
    });
  }

  async function accessRequests(keyId: string, caller: KeyCaller): Promise<AccessRequest[]> {
    const { accountId, region, principal } = caller;
    return await deps.store.read(async ({ kms }) => {
      const key = await findKey(deps, kms, keyId, caller).catch(() => undefined);
      if (key === undefined) return [];
      const facts = await keyFacts(kms, key, principal);
      const conditions = {
        'kms:ViaService': `bedrock.${region}.amazonaws.com`,
        'kms:CallerAccount': accountId,
        'aws:ViaAWSService': true,
        'aws:CalledVia': [SERVICE],
        'aws:CalledViaFirst': SERVICE,
        'aws:CalledViaLast': SERVICE,
      };
      return CALLER_ACTIONS.map(action =>
        keyQuestion(key, facts, {
          action,
          conditions: action === 'kms:CreateGrant' ? { ...conditions, 'kms:GrantIsForAWSResource': true } : conditions,
        }),
      );
    });
  }

  async function decrypt(key: KeyRow, wrapped: string, owner: KeyOwner): Promise<Uint8Array> {
    const blob = Buffer.from(wrapped, 'base64url');
    const material = await deps.store.read(({ kms }) => materialOf(kms, key, blob));
    return decryptUnder(deps, material, blob, encryptionContext(owner));
  }

  return {
    async resolve(keyId, accountId, region) {
      const key = await deps.store
        .read(({ kms }) => findKey(deps, kms, keyId, { accountId, region }))
        .catch(error => {
          throw error instanceof Fault ? new Fault('invalid', `The KMS key cannot be used: ${error.message}`) : error;
        });
      if (key.state !== 'Enabled')
        throw new Fault(
          'invalid',
          `The KMS key ${keyArn(key)} cannot be used: its state is ${key.state}, not Enabled.`,
        );
      if (key.spec !== 'SYMMETRIC_DEFAULT')
        throw new Fault(
          'invalid',
          `The KMS key ${keyArn(key)} cannot be used: its spec is ${key.spec}, not symmetric.`,
        );
      return keyArn(key);
    },

    accessRequests,

    async decryptRequests(keyArn, caller) {
      const all = keyArn == null ? [] : await accessRequests(keyArn, caller);
      return all.filter(request => request.action === 'kms:Decrypt');
    },

    async generateDataKey(owner) {
      const plaintext = deps.ids.bytes(32);
      if (owner.keyArn === null) return { plaintext, wrapped: deps.vault.seal(plaintext, serviceContext(owner)) };
      await rotatedKey(deps, owner.keyArn, owner);
      const { key, grants } = await customerKey(owner);
      requireEnabled(key);
      const grant: GrantRow = {
        grantId: Buffer.from(deps.ids.bytes(32)).toString('hex'),
        keyId: key.keyId,
        issuingAccountId: owner.accountId,
        granteePrincipal: SERVICE,
        retiringPrincipal: SERVICE,
        operations: GRANTED,
        constraints: { subset: encryptionContext(owner) },
        name: grantName(owner),
        createdAt: deps.time.now().toISOString(),
      };
      const granted = grants.some(other => other.granteePrincipal === SERVICE);
      if (!granted) await deps.store.transaction(({ kms }) => kms.insertGrant(grant));
      requireServiceAllowed(deps, owner, key, granted ? grants : [...grants, grant], 'kms:GenerateDataKey');
      const wrapped = encryptUnder(deps, key, plaintext, encryptionContext(owner)).toString('base64url');
      return { plaintext, wrapped };
    },

    async unwrap(owner, wrapped) {
      try {
        if (owner.keyArn === null) return deps.vault.open(wrapped, serviceContext(owner));
      } catch (cause) {
        if (!(cause instanceof SealBroken)) throw cause;
        throw new Fault('internal', `The service's key of ${owner.resourceArn} cannot be opened.`, { cause });
      }
      const { key, grants } = await customerKey(owner);
      requireEnabled(key);
      requireServiceAllowed(deps, owner, key, grants, 'kms:Decrypt');
      return await decrypt(key, wrapped, owner);
    },

    async release(owner) {
      if (owner.keyArn === null) return;
      const keyId = owner.keyArn.split('/').at(-1) ?? '';
      await deps.store.transaction(async ({ kms }) => {
        for (const grant of await kms.grantsNamed(keyId, grantName(owner)))
          if (grant.granteePrincipal === SERVICE) await kms.deleteGrant(grant.grantId);
      });
    },
  };
}

function requireServiceAllowed(
  { time }: KmsDependencies,
  owner: KeyOwner,
  key: KeyRow,
  grants: readonly GrantRow[],
  action: string,
): void {
  const principal: Principal = { type: 'service', arn: SERVICE, accountId: '', userId: SERVICE };
  const conditions = { 'aws:SourceAccount': owner.accountId, 'aws:SourceArn': owner.resourceArn };
  const question = keyQuestion(key, { grants, aliasNames: [] }, { context: encryptionContext(owner), conditions });
  const facts = { now: time.now(), region: owner.region };
  const decision = evaluate({
    principal,
    action,
    resource: keyArn(key),
    context: conditionContext(principal, facts, question.conditions, key.accountId),
    resourceAccountId: key.accountId,
    identityPolicies: [],
    resourcePolicy: parsePolicy(policyWithGrants(key, grants), { kind: 'stored' }),
    resourcePolicyMustAllow: true,
  });
  if (decision.allowed) return;
  throw new Fault(
    'denied',
    `${SERVICE} may not ${action.slice(4)} with ${keyArn(key)} for ${owner.resourceArn}: ` +
      (decision.explicit
        ? 'the key policy denies it.'
        : 'its grant was revoked, and the key policy does not allow it.'),
    { resource: keyArn(key) },
  );
}

function encryptionContext(owner: KeyOwner): Record<string, string> {
  return { [CONTEXT_KEY]: owner.resourceArn };
}

function grantName(owner: KeyOwner): string {
  // AWS's pattern of such a name has no dot; ids of base models do.
  return `bedrock:${owner.resourceArn.replaceAll('.', '_')}`;
}

function serviceContext(owner: KeyOwner): string {
  return `service-key:${owner.accountId}:${owner.region}:${owner.resourceArn}`;
}
