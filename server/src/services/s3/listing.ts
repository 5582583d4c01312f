import type {
  ListObjectsOutput,
  ListObjectsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ObjectSummary } from '../../ports/store-s3.ts';
import { shownOwner } from './acls-in-force.ts';
import { readToken, writeToken } from './buckets.ts';
import { quoted } from './conditions.ts';
import { boundedNumber } from './description.ts';
import { invalidArgument } from './faults.ts';
import { encodeKey, scan, startAfter } from './key-scan.ts';
import { ownerOf } from './owner.ts';
import type { S3Parts } from './parts.ts';

const MAXIMUM_KEYS_PER_PAGE = 1000;

export function listingOperations({ store, buckets }: S3Parts) {
  /** AWS: a list is asked for as s3:ListBucket, with what it asks for as condition keys. */
  const authorize = (input: ListObjectsRequest | ListObjectsV2Request, ctx: RequestContext) =>
    buckets.ask(input, ctx, {
      action: 's3:ListBucket',
      conditions: {
        's3:prefix': input.Prefix,
        's3:delimiter': input.Delimiter,
        's3:max-keys': input.MaxKeys,
      },
    });

  function page(input: ListObjectsRequest | ListObjectsV2Request, after: string, limit: number) {
    const query = { prefix: input.Prefix ?? '', delimiter: input.Delimiter ?? '', limit };
    const from = startAfter(after, query);
    return store.read(rows => scan(from, query, range => rows.s3.objects(input.Bucket ?? '', range)));
  }

  return {
    ListObjects: {
      authorize,
      async handle(input: ListObjectsRequest, ctx: RequestContext): Promise<ListObjectsOutput> {
        const bucket = await buckets.find(input, ctx);
        const limit = maximumKeys(input.MaxKeys);
        const found = await page(input, input.Marker ?? '', limit);
        const { items, commonPrefixes, next } = found;
        const encoding = encodingOf(input, found);
        const { encode } = encoding;
        return {
          ...echo(input, limit, encoding),
          Marker: encode(input.Marker ?? ''),
          // AWS: without a delimiter a client takes the last key as its marker.
          ...(next !== undefined && input.Delimiter ? { NextMarker: encode(next) } : {}),
          IsTruncated: next !== undefined,
          Contents: items.map(object => ({ ...summary(object, encode), Owner: ownerOf(shownOwner(bucket, object)) })),
          CommonPrefixes: commonPrefixes.map(prefix => ({ Prefix: encode(prefix) })),
        };
      },
    } satisfies Operation<ListObjectsRequest, ListObjectsOutput>,

    ListObjectsV2: {
      authorize,
      async handle(input: ListObjectsV2Request, ctx: RequestContext): Promise<ListObjectsV2Output> {
        const bucket = await buckets.find(input, ctx);
        const limit = maximumKeys(input.MaxKeys);
        if (input.ContinuationToken === '')
          throw invalidArgument('continuation-token', '', 'The continuation token provided is incorrect');
        const after = input.ContinuationToken ? readToken(input.ContinuationToken) : (input.StartAfter ?? '');
        const found = await page(input, after, limit);
        const { items, commonPrefixes, next } = found;
        const encoding = encodingOf(input, found);
        const { encode } = encoding;
        const owner = (object: ObjectSummary) =>
          input.FetchOwner ? { Owner: ownerOf(shownOwner(bucket, object)) } : {};
        return {
          ...echo(input, limit, encoding),
          ...(input.StartAfter === undefined ? {} : { StartAfter: encode(input.StartAfter) }),
          ...(input.ContinuationToken === undefined ? {} : { ContinuationToken: input.ContinuationToken }),
          ...(next === undefined ? {} : { NextContinuationToken: writeToken(next) }),
          IsTruncated: next !== undefined,
          KeyCount: items.length + commonPrefixes.length,
          Contents: items.map(object => ({ ...summary(object, encode), ...owner(object) })),
          CommonPrefixes: commonPrefixes.map(prefix => ({ Prefix: encode(prefix) })),
        };
      },
    } satisfies Operation<ListObjectsV2Request, ListObjectsV2Output>,
  };
}

function echo(input: ListObjectsRequest | ListObjectsV2Request, limit: number, { encode, shown }: Encoding) {
  return {
    Name: input.Bucket ?? '',
    Prefix: encode(input.Prefix ?? ''),
    MaxKeys: limit,
    ...(input.Delimiter ? { Delimiter: encode(input.Delimiter) } : {}),
    ...shown,
  };
}

function summary(object: ObjectSummary, encode: (text: string) => string) {
  return {
    Key: encode(object.key),
    LastModified: object.modifiedAt,
    ETag: quoted(object.etag),
    Size: object.sizeBytes,
    StorageClass: object.storageClass,
    ...(object.checksumAlgorithm ? { ChecksumAlgorithm: [object.checksumAlgorithm] } : {}),
    ...(object.checksumType ? { ChecksumType: object.checksumType } : {}),
  };
}

export function maximumKeys(value: number | undefined): number {
  return boundedNumber('max-keys', value, {
    minimum: 0,
    maximum: MAXIMUM_KEYS_PER_PAGE,
    fallback: MAXIMUM_KEYS_PER_PAGE,
  });
}

export interface Encoding {
  encode(text: string): string;
  /** The member that tells of it; none where keys are as they are. */
  shown: { EncodingType?: 'url' };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 cannot hold them, not even escaped
const NOT_IN_XML = /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/;

/**
 * How the keys of a page are written: as the client asks; and like a URL where XML could not hold them otherwise.
 * @throws Fault InvalidArgument for an encoding that S3 does not have
 */
export function encodingOf(
  input: { EncodingType?: string | undefined; Prefix?: string | undefined; Delimiter?: string | undefined },
  page: { items: readonly { key: string }[]; commonPrefixes: readonly string[] },
): Encoding {
  const { EncodingType: asked } = input;
  if (asked !== undefined && asked !== 'url')
    throw invalidArgument('encoding-type', asked, 'Invalid Encoding Method specified in Request');
  const texts = [
    ...page.items.map(({ key }) => key),
    ...page.commonPrefixes,
    input.Prefix ?? '',
    input.Delimiter ?? '',
  ];
  if (asked === undefined && !texts.some(text => NOT_IN_XML.test(text))) return { encode: text => text, shown: {} };
  return { encode: encodeKey, shown: { EncodingType: 'url' } };
}
