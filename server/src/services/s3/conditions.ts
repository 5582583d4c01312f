import type { ObjectSummary } from '../../ports/store-s3.ts';
import { headerNotImplemented, noSuchKey, s3Fault } from './faults.ts';

export interface ReadConditions {
  IfMatch?: string | undefined;
  IfNoneMatch?: string | undefined;
  IfModifiedSince?: Date | undefined;
  IfUnmodifiedSince?: Date | undefined;
}

type State = Pick<ObjectSummary, 'etag' | 'modifiedAt'>;

/**
 * RFC 9110 §13.2.2, which S3 follows: a matching If-Match outweighs If-Unmodified-Since, a failing If-None-Match
 * outweighs If-Modified-Since. AWS: since a moment that has not come is no condition.
 * @returns the header that fails, or undefined
 */
function failing(conditions: ReadConditions, object: State, now: Date): keyof ReadConditions | undefined {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = conditions;
  if (IfMatch !== undefined) {
    if (!matches(IfMatch, object.etag)) return 'IfMatch';
  } else if (IfUnmodifiedSince !== undefined && object.modifiedAt > IfUnmodifiedSince) return 'IfUnmodifiedSince';
  if (IfNoneMatch !== undefined) {
    if (matches(IfNoneMatch, object.etag)) return 'IfNoneMatch';
  } else if (IfModifiedSince !== undefined && IfModifiedSince <= now && object.modifiedAt <= IfModifiedSince)
    return 'IfModifiedSince';
  return undefined;
}

/** @throws Fault PreconditionFailed, or NotModified (with the validators that RFC 9110 asks of a 304) */
export function checkRead(
  conditions: ReadConditions,
  object: State,
  now: Date,
  headers: Record<string, string> = {},
): void {
  const condition = failing(conditions, object, now);
  if (condition === 'IfMatch') throw preconditionFailed('If-Match');
  if (condition === 'IfUnmodifiedSince') throw preconditionFailed('If-Unmodified-Since');
  if (condition !== undefined)
    throw s3Fault('NotModified', 'Not Modified', {
      headers: { etag: quoted(object.etag), 'last-modified': object.modifiedAt.toUTCString(), ...headers },
    });
}

/**
 * Whether a range may be answered: If-Range says which state of the object the client has the rest of, by its ETag (a weak
 * one stands for no bytes) or by its date.
 */
export function rangeHolds(ifRange: string | undefined, object: State): boolean {
  if (ifRange === undefined) return true;
  const sent = ifRange.trim();
  if (sent.startsWith('W/')) return false;
  return unquoted(sent) === object.etag || Date.parse(sent) === wholeSeconds(object.modifiedAt) * 1000;
}

/** Every condition on the source of a copy that fails is a 412, never a 304. */
export function checkCopySource(conditions: ReadConditions, object: State, now: Date): void {
  const condition = failing(conditions, object, now);
  if (condition === undefined) return;
  // AWS: `x-amz-copy-source-If-None-Match`, in this case.
  throw preconditionFailed(`x-amz-copy-source-${condition.replace(/(?<=[a-z])(?=[A-Z])/g, '-')}`);
}

/**
 * Conditional writes: only the forms that S3 has.
 * @throws Fault PreconditionFailed, NoSuchKey (If-Match where there is nothing), NotImplemented (other forms)
 */
export function checkWrite(
  conditions: Pick<ReadConditions, 'IfMatch' | 'IfNoneMatch'>,
  key: string,
  existing: State | undefined,
): void {
  const { IfMatch, IfNoneMatch } = conditions;
  if (IfNoneMatch !== undefined && IfNoneMatch !== '*')
    throw headerNotImplemented('If-None-Match', `A write takes If-None-Match: * only; you sent ${IfNoneMatch}.`);
  // AWS: that there is anything is no condition of a write.
  if (IfMatch?.trim() === '*')
    throw headerNotImplemented('If-Match', 'A write takes the ETag of what it replaces in If-Match; you sent *.');
  if (IfMatch !== undefined && IfNoneMatch !== undefined)
    throw headerNotImplemented('If-Match', 'A write takes If-Match or If-None-Match, not both.');
  if (IfNoneMatch !== undefined && existing) throw preconditionFailed('If-None-Match');
  if (IfMatch === undefined) return;
  if (!existing) throw noSuchKey(key);
  if (!matches(IfMatch, existing.etag)) throw preconditionFailed('If-Match');
}

/**
 * The same at the end of an upload, where what the key held at its start counts as well.
 * @param before id of the object that the key held at the start, '' where it held none; null where nobody knows
 * @throws Fault as checkWrite, ConditionalRequestConflict
 */
export function checkUploadEnd(
  conditions: Pick<ReadConditions, 'IfMatch' | 'IfNoneMatch'>,
  key: string,
  existing: (State & { objectId: string }) | undefined,
  before: string | null,
): void {
  checkWrite(conditions, key, existing);
  if (conditions.IfMatch === undefined && conditions.IfNoneMatch === undefined) return;
  if (before === null || before === (existing?.objectId ?? '')) return;
  const condition = conditions.IfMatch === undefined ? 'If-None-Match' : 'If-Match';
  throw s3Fault(
    'ConditionalRequestConflict',
    'The conditional request cannot succeed due to a conflicting operation against this resource.',
    { members: { Condition: condition, Key: key } },
  );
}

export interface DeleteConditions {
  ETag?: string | undefined;
  LastModifiedTime?: Date | undefined;
  Size?: number | undefined;
}

/**
 * Conditional deletions: every condition must hold of the object.
 * @throws Fault PreconditionFailed, NoSuchKey where there is nothing
 */
export function checkDelete(conditions: DeleteConditions, key: string, existing: ObjectSummary | undefined): void {
  const { ETag, LastModifiedTime, Size } = conditions;
  if (ETag === undefined && LastModifiedTime === undefined && Size === undefined) return;
  if (!existing) throw noSuchKey(key);
  if (ETag !== undefined && !matches(ETag, existing.etag)) throw preconditionFailed('If-Match');
  if (LastModifiedTime !== undefined && wholeSeconds(LastModifiedTime) !== wholeSeconds(existing.modifiedAt))
    throw preconditionFailed('x-amz-if-match-last-modified-time');
  if (Size !== undefined && Size !== existing.sizeBytes) throw preconditionFailed('x-amz-if-match-size');
}

/** S3 keeps no fractions of a second. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** Clients send ETags with and without quotes, or with one; S3 takes all of them. */
export function unquoted(etag: string): string {
  return etag.trim().replace(/^W\//, '').replace(/^"|"$/g, '');
}

function matches(list: string, etag: string): boolean {
  return list.split(',').some(candidate => candidate.trim() === '*' || unquoted(candidate) === etag);
}

function preconditionFailed(condition: string): Error {
  return s3Fault('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    members: { Condition: condition },
  });
}
