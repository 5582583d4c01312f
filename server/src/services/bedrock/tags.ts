// Gaps: guardrails, inference profiles and other kinds that this server does not have.
// By design: one list of tags a resource, kept in its row; jobTags and customModelTags are two lists, as on AWS.
// Client quirks: the member is resourceARN, with a capital ARN; Terraform sends the same tags to job and model.
import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  TagResourceRequest,
  TagResourceResponse,
  UntagResourceRequest,
  UntagResourceResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope, Tag } from '../../ports/store-bedrock.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { resourceTagConditions, scopeOf } from './identifiers.ts';
import { assertTagCount, readTags, requestTagConditions } from './tag-list.ts';

export function tagOperations({ store }: Pick<BedrockDependencies, 'store'>) {
  async function question(resource: string, ctx: RequestContext, conditions: Record<string, string | string[]> = {}) {
    const tags = await store.read(rows => rows.bedrock.tagsOf(scopeOf(ctx), resource));
    return [{ resource, conditions: { ...resourceTagConditions(tags ?? []), ...conditions } }];
  }

  async function change(resource: string, ctx: RequestContext, next: (tags: Tag[]) => Tag[]): Promise<void> {
    const scope = scopeOf(ctx);
    await store.transaction(async rows => {
      const tags = next(await tagsOf(rows, scope, resource));
      assertTagCount(tags.length, resource);
      await rows.bedrock.replaceTags(scope, resource, tags);
    });
  }

  return {
    TagResource: {
      authorize: (input, ctx) => question(input.resourceARN ?? '', ctx, requestTagConditions(input.tags)),
      async handle(input, ctx) {
        const resource = input.resourceARN ?? '';
        const added = readTags(input.tags, 'tags', resource);
        const keys = new Set(added.map(tag => tag.key));
        await change(resource, ctx, tags => [...tags.filter(tag => !keys.has(tag.key)), ...added]);
        return {};
      },
    } satisfies Operation<TagResourceRequest, TagResourceResponse>,

    UntagResource: {
      authorize: (input, ctx) => question(input.resourceARN ?? '', ctx, { 'aws:TagKeys': [...(input.tagKeys ?? [])] }),
      async handle(input, ctx) {
        const keys = new Set(input.tagKeys ?? []);
        await change(input.resourceARN ?? '', ctx, tags => tags.filter(tag => !keys.has(tag.key)));
        return {};
      },
    } satisfies Operation<UntagResourceRequest, UntagResourceResponse>,

    ListTagsForResource: {
      authorize: (input, ctx) => question(input.resourceARN ?? '', ctx),
      async handle(input, ctx) {
        return { tags: await store.read(rows => tagsOf(rows, scopeOf(ctx), input.resourceARN ?? '')) };
      },
    } satisfies Operation<ListTagsForResourceRequest, ListTagsForResourceResponse>,
  };
}

async function tagsOf(rows: Rows, scope: BedrockScope, resource: string): Promise<Tag[]> {
  const tags = await rows.bedrock.tagsOf(scope, resource);
  if (!tags)
    throw new Fault('notFound', `There is no resource ${resource} in ${scope.region} of this account.`, { resource });
  return tags;
}
