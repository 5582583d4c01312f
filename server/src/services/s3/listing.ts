import type {
  ListObjectsOutput,
  ListObjectsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ObjectSummary } from '../../ports/store-s3.ts';
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
        const { accountId } = await buckets.find(input, ctx);
        const limit = maximumKeys(input.MaxKeys);
        const encode = encoder(input.EncodingType);
        const { items, commonPrefixes, next } = await page(input, input.Marker ?? '', limit);
        return {
          ...echo(input, limit, encode),
          Marker: encode(input.Marker ?? ''),
          // AWS: without a delimiter a client takes the last key as its marker.
          ...(next !== undefined && input.Delimiter ? { NextMarker: encode(next) } : {}),
          IsTruncated: next !== undefined,
          Contents: items.map(object => ({ ...summary(object, encode), Owner: ownerOf(accountId) })),
          CommonPrefixes: commonPrefixes.map(prefix => ({ Prefix: encode(prefix) })),
        };
      },
    } satisfies Operation<ListObjectsRequest, ListObjectsOutput>,

    ListObjectsV2: {
      authorize,
      async handle(input: ListObjectsV2Request, ctx: RequestContext): Promise<ListObjectsV2Output> {
        const { accountId } = await buckets.find(input, ctx);
        const limit = maximumKeys(input.MaxKeys);
        const encode = encoder(input.EncodingType);
        if (input.ContinuationToken === '')
          throw invalidArgument('continuation-token', '', 'The continuation token provided is incorrect');
        const after = input.ContinuationToken ? readToken(input.ContinuationToken) : (input.StartAfter ?? '');
        const { items, commonPrefixes, next } = await page(input, after, limit);
        const owner = input.FetchOwner ? { Owner: ownerOf(accountId) } : {};
        return {
          ...echo(input, limit, encode),
          ...(input.StartAfter === undefined ? {} : { StartAfter: encode(input.StartAfter) }),
          ...(input.ContinuationToken === undefined ? {} : { ContinuationToken: input.ContinuationToken }),
          ...(next === undefined ? {} : { NextContinuationToken: writeToken(next) }),
          IsTruncated: next !== undefined,
          KeyCount: items.length + commonPrefixes.length,
          Contents: items.map(object => ({ ...summary(object, encode), ...owner })),
          CommonPrefixes: commonPrefixes.map(prefix => ({ Prefix: encode(prefix) })),
        };
      },
    } satisfies Operation<ListObjectsV2Request, ListObjectsV2Output>,
  };
}

function echo(input: ListObjectsRequest | ListObjectsV2Request, limit: number, encode: (text: string) => string) {
  return {
    Name: input.Bucket ?? '',
    Prefix: encode(input.Prefix ?? ''),
    MaxKeys: limit,
    ...(input.Delimiter ? { Delimiter: encode(input.Delimiter) } : {}),
    ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
  };
}

function summary(object: ObjectSummary, encode: (text: string) => string) {
  return {
    Key: encode(object.key),
    LastModified: object.modifiedAt,
    ETag: quoted(object.etag),
    Size: object.sizeBytes,
    StorageClass: 'STANDARD' as const,
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

/** @throws Fault InvalidArgument for an encoding that S3 does not have */
export function encoder(encodingType: string | undefined): (text: string) => string {
  if (encodingType === undefined) return text => text;
  if (encodingType !== 'url')
    throw invalidArgument('encoding-type', encodingType, 'Invalid Encoding Method specified in Request');
  return encodeKey;
}
