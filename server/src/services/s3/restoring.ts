import type { RestoreObjectOutput, RestoreObjectRequest } from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { invalidArgument, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { askToRead } from './reading.ts';
import { findVersion, parseVersionId } from './versions.ts';

/** Nothing is archived here, so there is nothing to restore: scripts that meet such objects on AWS are told the same. */
export function restoringOperations(parts: S3Parts) {
  return {
    RestoreObject: {
      // AWS: versions have no permission of their own to restore them.
      authorize: ({ Bucket, Key, ExpectedBucketOwner }: RestoreObjectRequest, ctx: RequestContext) =>
        askToRead(parts, { Bucket, Key, ExpectedBucketOwner }, ctx),
      async handle(input: RestoreObjectRequest): Promise<RestoreObjectOutput> {
        const versionId = parseVersionId(input.VersionId);
        const { storageClass } = await parts.store.read(({ s3 }) =>
          findVersion(s3, input.Bucket ?? '', input.Key ?? '', versionId, 'POST'),
        );
        const days = input.RestoreRequest?.Days;
        if (storageClass === 'INTELLIGENT_TIERING' && days !== undefined)
          throw invalidArgument(
            'Days',
            days,
            'INTELLIGENT_TIERING objects are not subject to restore expiry. Do not specify Days when restoring this object',
          );
        throw s3Fault(
          'InvalidObjectState',
          `Restore is not allowed for the object's current storage class: ${storageClass} is read at once.`,
          { members: { StorageClass: storageClass } },
        );
      },
    } satisfies Operation<RestoreObjectRequest, RestoreObjectOutput>,
  };
}
