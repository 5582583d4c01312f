import type { Operation } from '../../domain/operation.ts';
import type { IdentityKind } from '../../ports/store-iam.ts';
import { noSuchEntity, overQuota } from './faults.ts';
import { checkDocument, encodeDocument, findIdentity, type IamDependencies, identityQuestion } from './identities.ts';
import { pageOf } from './paging.ts';

/** AWS: all inline policies of one identity together, in characters without white space. */
const TOTAL_CHARACTERS: Record<IdentityKind, number> = { user: 2048, role: 10_240, group: 5120 };

interface NamedInput {
  UserName?: string | undefined;
  RoleName?: string | undefined;
  GroupName?: string | undefined;
  PolicyName?: string | undefined;
}

interface PutInput extends NamedInput {
  PolicyDocument?: string | undefined;
}

interface ListInput extends Omit<NamedInput, 'PolicyName'> {
  Marker?: string | undefined;
  MaxItems?: number | undefined;
}

/** Policies written into users, roles and groups: the same four operations for each. */
export function inlinePolicyOperations(deps: IamDependencies) {
  const put = (kind: IdentityKind): Operation<PutInput, object> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      const { PolicyName: policyName = '', PolicyDocument: document = '' } = input;
      const name = nameOf(kind, input);
      const limit = TOTAL_CHARACTERS[kind];
      checkDocument(document, 'identity', limit, `PolicySize of the ${kind}'s inline policies`);
      return await deps.store.transaction(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, name);
        const others = (await iam.inlinePolicies(identity.id)).filter(other => other.name !== policyName);
        const total = [...others.map(other => other.document), document].join('').replace(/\s/g, '').length;
        if (total > limit) throw overQuota(`inline policies of ${kind} ${name} in characters`, limit);
        await iam.putInlinePolicy(identity.id, policyName, document);
        return {};
      });
    },
  });

  const get = (
    kind: IdentityKind,
  ): Operation<NamedInput, { PolicyName: string; PolicyDocument: string } & Record<string, string>> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      const { PolicyName: policyName = '' } = input;
      const name = nameOf(kind, input);
      const document = await deps.store.read(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, name);
        return await iam.inlinePolicy(identity.id, policyName);
      });
      if (document === undefined) throw noSuchInlinePolicy(kind, policyName);
      return { [NAMES[kind]]: name, PolicyName: policyName, PolicyDocument: encodeDocument(document) };
    },
  });

  const remove = (kind: IdentityKind): Operation<NamedInput, object> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      const { PolicyName: policyName = '' } = input;
      return await deps.store.transaction(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        if (!(await iam.deleteInlinePolicy(identity.id, policyName))) throw noSuchInlinePolicy(kind, policyName);
        return {};
      });
    },
  });

  const list = (
    kind: IdentityKind,
  ): Operation<ListInput, { PolicyNames: string[]; IsTruncated: boolean; Marker?: string }> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      const policies = await deps.store.read(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        return await iam.inlinePolicies(identity.id);
      });
      const { items, ...page } = pageOf(policies, policy => policy.name, input);
      return { ...page, PolicyNames: items.map(policy => policy.name) };
    },
  });

  return {
    PutRolePolicy: put('role'),
    PutUserPolicy: put('user'),
    PutGroupPolicy: put('group'),
    GetRolePolicy: get('role'),
    GetUserPolicy: get('user'),
    GetGroupPolicy: get('group'),
    DeleteRolePolicy: remove('role'),
    DeleteUserPolicy: remove('user'),
    DeleteGroupPolicy: remove('group'),
    ListRolePolicies: list('role'),
    ListUserPolicies: list('user'),
    ListGroupPolicies: list('group'),
  } satisfies Record<string, Operation<never, unknown>>;
}

const NAMES = { user: 'UserName', role: 'RoleName', group: 'GroupName' } as const;

function nameOf(kind: IdentityKind, input: Omit<NamedInput, 'PolicyName'>): string {
  return input[NAMES[kind]] ?? '';
}

function noSuchInlinePolicy(kind: IdentityKind, policyName: string) {
  return noSuchEntity(`The ${kind} policy with name ${policyName} cannot be found.`);
}
