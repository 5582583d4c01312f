import type {
  ListResourceTagsRequest,
  ListResourceTagsResponse,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { Operation } from '../../domain/operation.ts';
import { askForKey, findKey, type KmsDependencies, requireKept } from './key-access.ts';
import { pageOf } from './paging.ts';

const TAGS_PER_KEY = 50;

export function tagOperations(deps: KmsDependencies) {
  return {
    TagResource: {
      authorize: (input: TagResourceRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: TagResourceRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          requireKept(key);
          await kms.updateKey(key.keyId, { tags: tagRecord(input.Tags, key.tags) });
          return {};
        });
      },
    },

    UntagResource: {
      authorize: (input: UntagResourceRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: UntagResourceRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, input.KeyId ?? '', ctx);
          requireKept(key);
          const kept = Object.entries(key.tags).filter(([name]) => !input.TagKeys?.includes(name));
          await kms.updateKey(key.keyId, { tags: Object.fromEntries(kept) });
          return {};
        });
      },
    },

    ListResourceTags: {
      authorize: (input: ListResourceTagsRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: ListResourceTagsRequest, ctx): Promise<ListResourceTagsResponse> {
        const key = await deps.store.read(({ kms }) => findKey(deps, kms, input.KeyId ?? '', ctx));
        const sorted = Object.entries(key.tags).sort(([a], [b]) => (a < b ? -1 : 1));
        const { items, ...page } = pageOf(sorted, ([name]) => name, input);
        return { ...page, Tags: items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })) };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** @throws Fault TagException, LimitExceededException past 50 */
export function tagRecord(tags: readonly Tag[] | undefined, existing: Record<string, string>): Record<string, string> {
  const record = { ...existing };
  const names = (tags ?? []).map(({ TagKey = '' }) => TagKey);
  if (new Set(names).size < names.length)
    throw new Fault('invalid', `Duplicate tag keys: ${names.join(', ')}.`, { code: 'TagException' });
  for (const { TagKey: key = '', TagValue: value = '' } of tags ?? []) {
    if (key.toLowerCase().startsWith('aws:'))
      throw new Fault('invalid', `Tag keys may not begin with "aws:"; "${key}" does.`, { code: 'TagException' });
    record[key] = value;
  }
  if (Object.keys(record).length > TAGS_PER_KEY)
    throw new Fault('quota', `A key may have at most ${TAGS_PER_KEY} tags.`, { code: 'LimitExceededException' });
  return record;
}
