import type {
  _Error,
  DeletedObject,
  DeleteObjectsOutput,
  DeleteObjectsRequest,
  ObjectIdentifier,
} from '@aws-sdk/client-s3';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { wholeSeconds } from './buckets.ts';
import { refuseUnsupportedHeaders } from './description.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { versionAction } from './reading.ts';
import { checkDeletion, deleteFrom, noSuchVersion, parseVersionId } from './versions.ts';

const MAXIMUM_KEYS = 1000;

export function deletingOperations(parts: S3Parts) {
  const { store, buckets, blobs, allows } = parts;
  return {
    DeleteObjects: {
      // S3 answers each key by itself, so the caller's right to each is asked below.
      async authorize(input: DeleteObjectsRequest, ctx: RequestContext) {
        await buckets.find(input, ctx);
        return [];
      },
      async handle(input: DeleteObjectsRequest, ctx: RequestContext): Promise<DeleteObjectsOutput> {
        refuseUnsupportedHeaders(ctx);
        requireDigest(ctx);
        const bucket = await buckets.find(input, ctx);
        const identifiers = input.Delete?.Objects ?? [];
        if (identifiers.length === 0 || identifiers.length > MAXIMUM_KEYS || identifiers.some(({ Key }) => !Key))
          throw s3Fault(
            'MalformedXML',
            `The XML you provided was not well-formed or did not validate against our published schema: Delete takes 1 to ${MAXIMUM_KEYS} Objects, each with a Key; you sent ${identifiers.length}.`,
          );
        const errors: _Error[] = [];
        const permitted: ObjectIdentifier[] = [];
        const question = ({ Key = '', VersionId }: ObjectIdentifier) =>
          buckets.questionOf(bucket, {
            action: versionAction('s3:DeleteObject', VersionId),
            key: Key,
            conditions: { 's3:VersionId': VersionId },
          });
        // Mostly all are allowed, and one look at the caller's policies says so.
        const questions = await Promise.all(identifiers.map(question));
        const allAllowed = await allows(questions, ctx);
        for (const [index, identifier] of identifiers.entries()) {
          if (allAllowed || (await allows(questions.slice(index, index + 1), ctx))) permitted.push(identifier);
          else errors.push({ ...named(identifier), Code: 'AccessDenied', Message: 'Access Denied' });
        }
        const outcome = await store.transaction(async ({ s3 }) => {
          const row = await s3.bucket(bucket.name);
          if (!row) throw noSuchBucket(bucket.name);
          const orphans: string[] = [];
          const deleted: DeletedObject[] = [];
          const failed: _Error[] = [];
          for (const identifier of permitted) {
            const { Key: key = '' } = identifier;
            try {
              const versionId = versionOf(identifier);
              await checkDeletion(s3, bucket.name, key, versionId, identifier);
              const done = await deleteFrom(s3, parts, row, key, versionId, wholeSeconds(ctx.now));
              orphans.push(...done.orphans);
              deleted.push({
                ...named(identifier),
                ...(done.isDeleteMarker ? { DeleteMarker: true, DeleteMarkerVersionId: done.versionId } : {}),
              });
            } catch (error) {
              if (!(error instanceof Fault)) throw error;
              failed.push({ ...named(identifier), Code: error.code ?? 'InternalError', Message: error.message });
            }
          }
          return { orphans, deleted, failed };
        });
        blobs.discard(outcome.orphans);
        errors.push(...outcome.failed);
        return {
          ...(input.Delete?.Quiet ? {} : { Deleted: outcome.deleted }),
          ...(errors.length > 0 ? { Errors: errors } : {}),
        };
      },
    } satisfies Operation<DeleteObjectsRequest, DeleteObjectsOutput>,
  };
}

function named({ Key = '', VersionId }: ObjectIdentifier): { Key: string; VersionId?: string } {
  return { Key, ...(VersionId ? { VersionId } : {}) };
}

/** AWS: in a list, what can be no version's id is one that is not there. */
function versionOf({ Key = '', VersionId }: ObjectIdentifier): string | null | undefined {
  try {
    return parseVersionId(VersionId || undefined);
  } catch {
    throw noSuchVersion(Key, VersionId ?? '');
  }
}

/** AWS: an unprotected list of keys could be garbled on its way, and deletes the wrong ones. */
function requireDigest({ headers }: RequestContext): void {
  const digest = Object.keys(headers).some(
    name => (name === 'content-md5' || name.startsWith('x-amz-checksum-')) && headers[name] !== undefined,
  );
  if (!digest && headers['x-amz-trailer'] === undefined)
    throw s3Fault('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
}
