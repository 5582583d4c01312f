import type {
  ListPolicyTagsRequest,
  ListPolicyTagsResponse,
  Tag,
  TagPolicyRequest,
  UntagPolicyRequest,
} from '@aws-sdk/client-iam';
import type { Operation } from '../../domain/operation.ts';
import {
  AS_WRITTEN,
  findIdentity,
  type IamDependencies,
  identityQuestion,
  tagList,
  tagRecord,
  without,
} from './identities.ts';
import { pageOf } from './paging.ts';
import { findOwnPolicy, findPolicy } from './policies.ts';

interface NamedInput {
  UserName?: string | undefined;
  RoleName?: string | undefined;
}

interface TagInput extends NamedInput {
  Tags?: Tag[] | undefined;
}

interface UntagInput extends NamedInput {
  TagKeys?: string[] | undefined;
}

interface ListInput extends NamedInput {
  Marker?: string | undefined;
  MaxItems?: number | undefined;
}

/** Tags of users, roles and managed policies. Those of a user or role are its session's aws:PrincipalTag keys. */
export function tagOperations(deps: IamDependencies) {
  const change = (kind: 'user' | 'role'): Operation<TagInput & UntagInput, object> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      return await deps.store.transaction(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        const tags = without(tagRecord(input.Tags, identity.tags), input.TagKeys);
        await iam.updateIdentity(identity.id, { tags });
        return {};
      });
    },
  });

  const list = (kind: 'user' | 'role'): Operation<ListInput, { Tags: Tag[]; IsTruncated: boolean }> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      const identity = await deps.store.read(({ iam }) => findIdentity(iam, kind, ctx.accountId, nameOf(kind, input)));
      const { items, ...page } = pageOf(tagList(identity.tags), tag => tag.Key, input);
      return { ...page, Tags: items };
    },
  });

  const changePolicy: Operation<TagPolicyRequest & Partial<UntagPolicyRequest>, object> = {
    authorize: input => [{ resource: input.PolicyArn ?? '*' }],
    async handle(input, ctx) {
      return await deps.store.transaction(async ({ iam }) => {
        const policy = await findOwnPolicy(iam, input.PolicyArn, ctx.accountId);
        const tags = without(tagRecord(input.Tags, policy.tags, AS_WRITTEN), input.TagKeys, AS_WRITTEN);
        await iam.updatePolicy(policy.arn, { tags });
        return {};
      });
    },
  };

  return {
    TagUser: change('user'),
    TagRole: change('role'),
    TagPolicy: changePolicy,
    UntagUser: change('user'),
    UntagRole: change('role'),
    UntagPolicy: changePolicy,
    ListUserTags: list('user'),
    ListRoleTags: list('role'),
    ListPolicyTags: {
      authorize: (input: ListPolicyTagsRequest) => [{ resource: input.PolicyArn ?? '*' }],
      async handle(input: ListPolicyTagsRequest, ctx): Promise<ListPolicyTagsResponse> {
        const policy = await deps.store.read(({ iam }) => findPolicy(iam, input.PolicyArn, ctx.accountId));
        const { items, ...page } = pageOf(tagList(policy.tags), tag => tag.Key, input);
        return { ...page, Tags: items };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

function nameOf(kind: 'user' | 'role', input: NamedInput): string {
  return (kind === 'user' ? input.UserName : input.RoleName) ?? '';
}
