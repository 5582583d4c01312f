import type { Statement } from '../../domain/access/document.ts';
import { s3Fault } from './faults.ts';

/**
 * Actions on objects, and those on buckets of which a policy of a bucket may speak, without their prefix.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
const ON_OBJECTS = new Set(
  [
    ...['AbortMultipartUpload', 'BypassGovernanceRetention', 'DeleteObject', 'DeleteObjectTagging'],
    ...['DeleteObjectVersion', 'DeleteObjectVersionTagging', 'GetObject', 'GetObjectAcl', 'GetObjectAttributes'],
    ...['GetObjectLegalHold', 'GetObjectRetention', 'GetObjectTagging', 'GetObjectTorrent', 'GetObjectVersion'],
    ...['GetObjectVersionAcl', 'GetObjectVersionAttributes', 'GetObjectVersionForReplication'],
    ...['GetObjectVersionTagging', 'GetObjectVersionTorrent', 'ListMultipartUploadParts', 'PutObject', 'PutObjectAcl'],
    ...['ObjectOwnerOverrideToBucketOwner', 'PutObjectLegalHold', 'PutObjectRetention', 'PutObjectTagging'],
    ...['PutObjectVersionAcl', 'PutObjectVersionTagging', 'ReplicateDelete', 'ReplicateObject', 'ReplicateTags'],
    'RestoreObject',
  ].map(name => name.toLowerCase()),
);
const ON_BUCKETS = new Set(
  [
    ...['CreateBucket', 'DeleteBucket', 'DeleteBucketPolicy', 'DeleteBucketWebsite', 'GetAccelerateConfiguration'],
    ...['GetAnalyticsConfiguration', 'GetBucketAcl', 'GetBucketCORS', 'GetBucketLocation', 'GetBucketLogging'],
    ...['GetBucketNotification', 'GetBucketObjectLockConfiguration', 'GetBucketOwnershipControls', 'GetBucketPolicy'],
    ...['GetBucketPolicyStatus', 'GetBucketPublicAccessBlock', 'GetBucketRequestPayment', 'GetBucketTagging'],
    ...['GetBucketVersioning', 'GetBucketWebsite', 'GetEncryptionConfiguration', 'GetInventoryConfiguration'],
    ...['GetIntelligentTieringConfiguration', 'GetLifecycleConfiguration', 'GetMetricsConfiguration'],
    ...['GetReplicationConfiguration', 'ListBucket', 'ListBucketMultipartUploads', 'ListBucketVersions'],
    ...['PutAccelerateConfiguration', 'PutAnalyticsConfiguration', 'PutBucketAcl', 'PutBucketCORS'],
    ...['PutBucketLogging', 'PutBucketNotification', 'PutBucketObjectLockConfiguration', 'PutBucketPolicy'],
    ...['PutBucketOwnershipControls', 'PutBucketPublicAccessBlock', 'PutBucketRequestPayment', 'PutBucketTagging'],
    ...['PutBucketVersioning', 'PutBucketWebsite', 'PutEncryptionConfiguration', 'PutInventoryConfiguration'],
    ...['PutIntelligentTieringConfiguration', 'PutLifecycleConfiguration', 'PutMetricsConfiguration'],
    'PutReplicationConfiguration',
  ].map(name => name.toLowerCase()),
);

/**
 * AWS stores no statement of a bucket's policy that could never hold: the commonest is ListBucket on the objects. An action
 * of S3 that is in neither list may be newer than they are and is taken.
 * @throws Fault MalformedPolicy
 */
export function checkActions({ actions, resources }: Statement): void {
  for (const action of actions.patterns) {
    const [service = '', name = ''] = action.toLowerCase().split(':');
    if (action !== '*' && service !== 's3') throw s3Fault('MalformedPolicy', `Policy has invalid action: "${action}".`);
    if (resources === undefined || resources.not || actions.not) continue;
    const applies = resources.patterns.some(
      resource => (!ON_BUCKETS.has(name) || mayBeBucket(resource)) && (!ON_OBJECTS.has(name) || mayBeObject(resource)),
    );
    if (!applies)
      throw s3Fault(
        'MalformedPolicy',
        `Action does not apply to any resource(s) in statement: "${action}" is for ${
          ON_BUCKETS.has(name) ? 'a bucket (arn:aws:s3:::bucket)' : 'objects (arn:aws:s3:::bucket/*)'
        }.`,
      );
  }
}

/** A wildcard in the bucket's name reaches over the slash. */
function mayBeBucket(resource: string): boolean {
  const [bucket = ''] = resource.split('/', 1);
  return bucket === resource || bucket.includes('*');
}

function mayBeObject(resource: string): boolean {
  return resource.includes('/') || resource.includes('*');
}
