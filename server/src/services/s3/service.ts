/**
 * Amazon S3, by path and by host name.
 *
 * Gaps: aws:kms:dsse (refused by name), Object Lock, the storage classes GLACIER and DEEP_ARCHIVE (refused by name), web
 * sites, replication, notifications. Operations without an entry below answer 501 NotImplemented with their own
 * name. Checksums of the XXHASH family are refused by name.
 *
 * By design: a bucket belongs to the Region that it was made in; a request signed for another Region gets a 301 with the
 * right one, which SDKs follow. GetBucketLocation and the source of a copy may cross Regions, as on AWS. A `+` in a path is
 * a plus. Where the client sends no checksum, CRC64NVME is computed and kept, as AWS does since 2024. An object that came in
 * parts stays in parts on the disk: completing it moves nothing. A version's id holds its rank within the key, so a list
 * goes on behind a version that has been deleted; MFA delete is refused by name. Every object is encrypted at rest; SSE-C
 * is taken without TLS from this machine only. HeadObject asks for permission on a KMS key where it shows a checksum.
 * A storage class is a label: the bytes lie where all do. RestoreObject answers that nothing is archived.
 * A new bucket has no public access block, and no ACLs: its ownership is BucketOwnerEnforced.
 *
 * Client quirks: the AWS CLI, boto3 and the SDKs ask for encoding-type=url and decode `+` as a space. boto3 sends Expect:
 * 100-continue with every body, so what can be refused is refused before the first byte is read. Clients repeat a
 * CompleteMultipartUpload whose answer was lost; the second answer is the first again.
 */
import type { Operation, ServiceModule } from '../../domain/operation.ts';
import { createBucketFinder } from './access.ts';
import { aclOperations } from './acls.ts';
import { createBlobKeeper } from './blobs.ts';
import { bucketCorsOperations } from './bucket-cors.ts';
import { bucketEncryptionOperations } from './bucket-encryption.ts';
import { bucketInPath } from './bucket-names.ts';
import { bucketPolicyOperations } from './bucket-policies.ts';
import { bucketSettingOperations } from './bucket-settings.ts';
import { bucketOperations } from './buckets.ts';
import { copyingOperations } from './copying.ts';
import { createCrossOrigin } from './cross-origin.ts';
import { deletingOperations } from './deleting.ts';
import { detectOperation, directoryBucketOperation } from './detect.ts';
import { createObjectProtection } from './encryption.ts';
import { s3FaultFor } from './faults.ts';
import { lifecycleOperations } from './lifecycle.ts';
import { listingOperations } from './listing.ts';
import { multipartOperations } from './multipart.ts';
import { multipartCompletionOperations } from './multipart-completion.ts';
import { multipartListingOperations } from './multipart-listing.ts';
import { objectFactOperations } from './object-facts.ts';
import { objectOwnershipOperations } from './object-ownership.ts';
import { objectOperations } from './objects.ts';
import type { S3Dependencies, S3Parts } from './parts.ts';
import { createPostObject } from './post-object.ts';
import { publicAccessOperations } from './public-access.ts';
import { restoringOperations } from './restoring.ts';
import { taggingOperations } from './tagging.ts';
import { versioningOperations } from './versioning.ts';
import { pathStyle } from './virtual-hosts.ts';

export function createS3Service(dependencies: S3Dependencies): ServiceModule {
  const parts: S3Parts = {
    ...dependencies,
    buckets: createBucketFinder(dependencies.store),
    blobs: createBlobKeeper(dependencies.objects),
    protection: createObjectProtection(dependencies),
  };
  const operations: Record<string, Operation<never, unknown>> = {
    ...bucketOperations(parts),
    ...bucketCorsOperations(parts),
    ...bucketEncryptionOperations(parts),
    ...bucketPolicyOperations(parts),
    ...bucketSettingOperations(parts),
    ...aclOperations(parts),
    ...objectOwnershipOperations(parts),
    ...publicAccessOperations(parts),
    ...objectOperations(parts),
    ...objectFactOperations(parts),
    ...deletingOperations(parts),
    ...copyingOperations(parts),
    ...listingOperations(parts),
    ...multipartOperations(parts),
    ...multipartCompletionOperations(parts),
    ...multipartListingOperations(parts),
    ...restoringOperations(parts),
    ...taggingOperations(parts),
    ...lifecycleOperations(parts),
    ...versioningOperations(parts),
  };
  return {
    scope: 's3',
    absent: { scope: 's3express', nameOf: directoryBucketOperation },
    operations,
    faultFor: s3FaultFor,
    addressed: (host, path) => pathStyle(host, path, dependencies.hostNames),
    regionOf: async path => (await dependencies.store.read(({ s3 }) => s3.bucket(bucketInPath(path))))?.region,
    crossOrigin: createCrossOrigin(dependencies.store),
    formUpload: createPostObject(parts),
    detect: (method, path, query, headers) => detectOperation(operations, method, path, query, headers),
  };
}
