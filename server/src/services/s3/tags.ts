import type { Tag } from '@aws-sdk/client-s3';
import type { Tags } from '../../ports/store-s3.ts';
import { invalidArgument, s3Fault } from './faults.ts';

export const MAXIMUM_OBJECT_TAGS = 10;
export const MAXIMUM_BUCKET_TAGS = 50;
const MAXIMUM_KEY_LENGTH = 128;
const MAXIMUM_VALUE_LENGTH = 256;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** @throws Fault BadRequest for too many, InvalidTag for a key or value that none may have, or a key that comes twice */
export function parseTags(tagSet: readonly Partial<Tag>[], maximum: number): Tags {
  const tags: Record<string, string> = {};
  for (const { Key = '', Value = '' } of tagSet) {
    if (Object.hasOwn(tags, Key)) throw invalidTag('Cannot provide multiple Tags with the same key', { TagKey: Key });
    checkText('Key', Key, MAXIMUM_KEY_LENGTH, { TagKey: Key });
    checkText('Value', Value, MAXIMUM_VALUE_LENGTH, { TagKey: Key, TagValue: Value });
    if (Key === '') throw invalidTag('The TagKey you have provided is invalid: it is empty', { TagKey: Key });
    if (Key.toLowerCase().startsWith('aws:'))
      throw invalidTag('System tags cannot be added/updated by requester', { TagKey: Key });
    tags[Key] = Value;
  }
  const count = Object.keys(tags).length;
  if (count > maximum)
    throw s3Fault(
      'BadRequest',
      `${maximum === MAXIMUM_OBJECT_TAGS ? 'Object tags' : 'Bucket tag count'} cannot be greater than ${maximum}; you sent ${count}.`,
    );
  return sorted(tags);
}

/**
 * The header x-amz-tagging: `key=value&key=value`, encoded like a query.
 * @throws Fault InvalidArgument where it is not, or as parseTags
 */
export function parseTaggingHeader(header: string | undefined): Tags {
  if (header === undefined || header === '') return {};
  const malformed = () =>
    invalidArgument(
      'x-amz-tagging',
      header,
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    );
  // AWS: nothing between two ampersands is no tag.
  const pairs = header.split('&').filter(pair => pair !== '');
  const tagSet = pairs.map((pair): Tag => {
    const [key = '', value = '', ...rest] = pair.split('=');
    if (rest.length > 0) throw malformed();
    try {
      return { Key: decodeForm(key), Value: decodeForm(value) };
    } catch {
      throw malformed();
    }
  });
  if (new Set(tagSet.map(({ Key }) => Key)).size < tagSet.length) throw malformed();
  return parseTags(tagSet, MAXIMUM_OBJECT_TAGS);
}

/** The same for the question of permission, which comes before a header that is none is told. */
export function requestedTags(header: string | undefined): Tags {
  try {
    return parseTaggingHeader(header);
  } catch {
    return {};
  }
}

/** Tags as they are listed: in the order of their keys. */
export function tagSetOf(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Condition keys of tags that a request sets. */
export function requestedTagConditions(tags: Tags): Record<string, string | string[]> {
  const keys = Object.keys(tags);
  return keys.length === 0 ? {} : { ...tagConditions('s3:RequestObjectTag', tags), 's3:RequestObjectTagKeys': keys };
}

/** Condition keys, one a tag. @param name `s3:ExistingObjectTag` or `s3:RequestObjectTag` */
export function tagConditions(name: string, tags: Tags): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`${name}/${key}`, value]));
}

interface TagMembers extends Record<string, string> {
  TagKey: string;
}

function checkText(part: 'Key' | 'Value', text: string, maximum: number, members: TagMembers): void {
  const invalid = `The Tag${part} you have provided is invalid`;
  if (text.length > maximum)
    throw invalidTag(`${invalid}: ${maximum} characters at most, it has ${text.length}`, members);
  if (!CHARACTERS.test(text)) throw invalidTag(`${invalid}: letters, digits, spaces and _ . : / = + - @ only`, members);
}

function invalidTag(message: string, members: TagMembers): Error {
  return s3Fault('InvalidTag', message, { members });
}

function sorted(tags: Record<string, string>): Tags {
  return Object.fromEntries(Object.entries(tags).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
