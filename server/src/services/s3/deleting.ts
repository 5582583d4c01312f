import type {
  _Error,
  DeletedObject,
  DeleteObjectsOutput,
  DeleteObjectsRequest,
  ObjectIdentifier,
} from '@aws-sdk/client-s3';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { accessTo } from './access.ts';
import { checkWrite } from './conditions.ts';
import { checkVersion, refuseUnsupportedHeaders } from './description.ts';
import { s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';

const MAXIMUM_KEYS = 1000;

export function deletingOperations({ store, buckets, blobs, allows }: S3Parts) {
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
        const question = ({ Key = '' }: ObjectIdentifier) => accessTo(bucket, { action: 's3:DeleteObject', key: Key });
        // Mostly all are allowed, and one look at the caller's policies says so.
        const allAllowed = await allows(identifiers.map(question), ctx);
        for (const identifier of identifiers) {
          if (allAllowed || (await allows([question(identifier)], ctx))) permitted.push(identifier);
          else errors.push({ Key: identifier.Key ?? '', Code: 'AccessDenied', Message: 'Access Denied' });
        }
        const outcome = await store.transaction(async rows => {
          const orphans: string[] = [];
          const deleted: DeletedObject[] = [];
          const failed: _Error[] = [];
          for (const { Key: key = '', VersionId, ETag, LastModifiedTime, Size } of permitted) {
            try {
              checkVersion(VersionId, key);
              if (LastModifiedTime !== undefined || Size !== undefined)
                throw s3Fault('NotImplemented', 'LastModifiedTime and Size are for directory buckets: use ETag.');
              if (ETag !== undefined) checkWrite({ IfMatch: ETag }, key, await rows.s3.object(bucket.name, key));
              orphans.push(...(await rows.s3.deleteObject(bucket.name, key)));
              deleted.push({ Key: key, ...(VersionId ? { VersionId } : {}) });
            } catch (error) {
              if (!(error instanceof Fault)) throw error;
              failed.push({ Key: key, Code: error.code ?? 'InternalError', Message: error.message });
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

/** AWS: an unprotected list of keys could be garbled on its way, and deletes the wrong ones. */
function requireDigest({ headers }: RequestContext): void {
  const digest = Object.keys(headers).some(
    name => (name === 'content-md5' || name.startsWith('x-amz-checksum-')) && headers[name] !== undefined,
  );
  if (!digest && headers['x-amz-trailer'] === undefined)
    throw s3Fault('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
}
