import type { Tag as SdkTag } from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import type { Tag } from '../../ports/store-bedrock.ts';

const MAXIMUM_TAGS = 50;

/**
 * Reads a list of tags of a request.
 * @param member its name in the request, for the message
 * @throws Fault quota (TooManyTagsException) past 50, invalid for a key given twice or a reserved one
 */
export function readTags(given: readonly SdkTag[] | undefined, member: string, resourceName: string): Tag[] {
  const tags = (given ?? []).map(tag => ({ key: tag.key ?? '', value: tag.value ?? '' }));
  const keys = new Set<string>();
  for (const { key } of tags) {
    if (keys.has(key))
      throw new Fault('invalid', `${member} has the key ${key} twice; each tag key may be given once.`);
    if (key.toLowerCase().startsWith('aws:'))
      throw new Fault('invalid', `${member} has the key ${key}; keys that begin with aws: are reserved.`);
    keys.add(key);
  }
  assertTagCount(tags.length, resourceName);
  return tags;
}

export function assertTagCount(count: number, resourceName: string): void {
  if (count > MAXIMUM_TAGS)
    throw new Fault('quota', `A resource may have at most ${MAXIMUM_TAGS} tags; ${resourceName} would have ${count}.`, {
      code: 'TooManyTagsException',
      members: { resourceName },
    });
}

/** Conditions that policies on tagging ask for. */
export function requestTagConditions(given: readonly SdkTag[] | undefined): Record<string, string | string[]> {
  if (!given || given.length === 0) return {};
  return {
    'aws:TagKeys': given.map(tag => tag.key ?? ''),
    ...Object.fromEntries(given.map(tag => [`aws:RequestTag/${tag.key}`, tag.value ?? ''])),
  };
}
