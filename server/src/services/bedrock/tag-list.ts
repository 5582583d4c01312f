import type { Tag as SdkTag } from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest } from '../../domain/operation.ts';
import type { BedrockScope, Tag } from '../../ports/store-bedrock.ts';
import { type ResourceKind, resourceArn } from './identifiers.ts';

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

/**
 * What a create asks for beside its own permission where it sets tags. AWS: who may not TagResource sets none by creating,
 * or tags that open doors could be had by making something new. The id of what is made is not known yet.
 */
export function taggingQuestions(
  scope: BedrockScope,
  kind: ResourceKind,
  given: readonly SdkTag[] | undefined,
): AccessRequest[] {
  if (!given || given.length === 0) return [];
  const resource = resourceArn(scope, kind, '*');
  return [{ action: 'bedrock:TagResource', resource, conditions: requestTagConditions(given) }];
}
