import type {
  GetKeyPolicyRequest,
  GetKeyPolicyResponse,
  ListKeyPoliciesRequest,
  ListKeyPoliciesResponse,
  PutKeyPolicyRequest,
} from '@aws-sdk/client-kms';
import { conditionContext } from '../../domain/access/context.ts';
import { parsePolicy } from '../../domain/access/document.ts';
import { evaluate } from '../../domain/access/evaluate.ts';
import { unknownPrincipal } from '../../domain/access/unknown-principals.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import { askForKey, findKey, type KmsDependencies, notFound } from './key-access.ts';

/** AWS: a key has one policy, and this is its name. */
const POLICY_NAME = 'default';
const POLICY_CHARACTERS = 32_768;
const MALFORMED = 'MalformedPolicyDocumentException';

export function keyPolicyOperations(deps: KmsDependencies) {
  return {
    PutKeyPolicy: {
      authorize: (input: PutKeyPolicyRequest, ctx) =>
        askForKey(deps, input.KeyId, ctx, {
          'kms:BypassPolicyLockoutSafetyCheck': input.BypassPolicyLockoutSafetyCheck ?? false,
        }),
      async handle(input: PutKeyPolicyRequest, ctx): Promise<object> {
        checkName(input.PolicyName);
        const { Policy: policy = '' } = input;
        checkKeyPolicy(policy, ctx, input.BypassPolicyLockoutSafetyCheck ?? false);
        return await deps.store.transaction(async ({ iam, kms }) => {
          await refuseUnknownPrincipals(iam, ctx.accountId, policy);
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          await kms.updateKey(key.keyId, { policy });
          return {};
        });
      },
    },

    GetKeyPolicy: {
      authorize: (input: GetKeyPolicyRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: GetKeyPolicyRequest, ctx): Promise<GetKeyPolicyResponse> {
        checkName(input.PolicyName);
        const key = await deps.store.read(({ kms }) => findKey(deps, kms, input.KeyId ?? '', ctx));
        return { Policy: key.policy, PolicyName: POLICY_NAME };
      },
    },

    ListKeyPolicies: {
      authorize: (input: ListKeyPoliciesRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: ListKeyPoliciesRequest, ctx): Promise<ListKeyPoliciesResponse> {
        await deps.store.read(({ kms }) => findKey(deps, kms, input.KeyId ?? '', ctx));
        return { PolicyNames: [POLICY_NAME], Truncated: false };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** What a key has where none is given: the account's identity policies decide. */
export function defaultKeyPolicy(accountId: string): string {
  return JSON.stringify(
    {
      Version: '2012-10-17',
      Id: 'key-default-1',
      Statement: [
        {
          Sid: 'Enable IAM User Permissions',
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${accountId}:root` },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    },
    null,
    2,
  );
}

/**
 * @param bypassLockoutCheck else the caller must be able to change the policy again
 * @throws Fault MalformedPolicyDocumentException
 */
export function checkKeyPolicy(text: string, ctx: RequestContext, bypassLockoutCheck: boolean): void {
  if (text.length > POLICY_CHARACTERS)
    throw new Fault(
      'quota',
      `A key policy may have at most ${POLICY_CHARACTERS} characters; you sent ${text.length}.`,
      {
        code: 'LimitExceededException',
      },
    );
  const policy = parsePolicy(text, { kind: 'resource', code: MALFORMED });
  if (bypassLockoutCheck) return;
  const action = 'kms:PutKeyPolicy';
  const resource = `arn:aws:kms:${ctx.region}:${ctx.accountId}:key/new`;
  const everything = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
  const decision = evaluate({
    principal: ctx.principal,
    action,
    resource,
    context: conditionContext(ctx.principal, ctx, {}, ctx.accountId),
    resourceAccountId: ctx.accountId,
    identityPolicies: [parsePolicy(JSON.stringify(everything), { kind: 'identity' })],
    resourcePolicy: policy,
    resourcePolicyMustAllow: true,
  });
  if (!decision.allowed)
    throw new Fault('invalid', 'The new key policy will not allow you to update the key policy in the future.', {
      code: MALFORMED,
    });
}

/** @throws Fault MalformedPolicyDocumentException where a user or role of the account that it names is not there */
export async function refuseUnknownPrincipals(iam: Rows['iam'], accountId: string, text: string): Promise<void> {
  const unknown = await unknownPrincipal(iam, accountId, parsePolicy(text, { kind: 'resource', code: MALFORMED }));
  if (unknown !== undefined)
    throw new Fault('invalid', `Policy contains a statement with one or more invalid principals: ${unknown}.`, {
      code: MALFORMED,
    });
}

function checkName(name: string | undefined): void {
  if (name !== undefined && name !== POLICY_NAME)
    throw notFound(`A key has one policy, and its name is "${POLICY_NAME}"; there is none called "${name}".`);
}
