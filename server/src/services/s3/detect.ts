import { Fault } from '../../domain/fault.ts';
import type { DetectedOperation } from '../../domain/operation.ts';
import { invalidArgument, s3Fault } from './faults.ts';

/** Sub-resource in the query -> method -> operation. The first sub-resource that a request names decides. */
type SubResources = Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>;

const BUCKET_SUBRESOURCES: SubResources = {
  abac: { GET: 'GetBucketAbac', PUT: 'PutBucketAbac' },
  accelerate: { GET: 'GetBucketAccelerateConfiguration', PUT: 'PutBucketAccelerateConfiguration' },
  acl: { GET: 'GetBucketAcl', PUT: 'PutBucketAcl' },
  cors: { GET: 'GetBucketCors', PUT: 'PutBucketCors', DELETE: 'DeleteBucketCors' },
  delete: { POST: 'DeleteObjects' },
  encryption: { GET: 'GetBucketEncryption', PUT: 'PutBucketEncryption', DELETE: 'DeleteBucketEncryption' },
  lifecycle: {
    GET: 'GetBucketLifecycleConfiguration',
    PUT: 'PutBucketLifecycleConfiguration',
    DELETE: 'DeleteBucketLifecycle',
  },
  location: { GET: 'GetBucketLocation' },
  logging: { GET: 'GetBucketLogging', PUT: 'PutBucketLogging' },
  metadataAnnotationTable: { PUT: 'UpdateBucketMetadataAnnotationTableConfiguration' },
  metadataConfiguration: {
    GET: 'GetBucketMetadataConfiguration',
    POST: 'CreateBucketMetadataConfiguration',
    DELETE: 'DeleteBucketMetadataConfiguration',
  },
  metadataInventoryTable: { PUT: 'UpdateBucketMetadataInventoryTableConfiguration' },
  metadataJournalTable: { PUT: 'UpdateBucketMetadataJournalTableConfiguration' },
  metadataTable: {
    GET: 'GetBucketMetadataTableConfiguration',
    POST: 'CreateBucketMetadataTableConfiguration',
    DELETE: 'DeleteBucketMetadataTableConfiguration',
  },
  notification: { GET: 'GetBucketNotificationConfiguration', PUT: 'PutBucketNotificationConfiguration' },
  'object-lock': { GET: 'GetObjectLockConfiguration', PUT: 'PutObjectLockConfiguration' },
  ownershipControls: {
    GET: 'GetBucketOwnershipControls',
    PUT: 'PutBucketOwnershipControls',
    DELETE: 'DeleteBucketOwnershipControls',
  },
  policy: { GET: 'GetBucketPolicy', PUT: 'PutBucketPolicy', DELETE: 'DeleteBucketPolicy' },
  policyStatus: { GET: 'GetBucketPolicyStatus' },
  publicAccessBlock: {
    GET: 'GetPublicAccessBlock',
    PUT: 'PutPublicAccessBlock',
    DELETE: 'DeletePublicAccessBlock',
  },
  replication: { GET: 'GetBucketReplication', PUT: 'PutBucketReplication', DELETE: 'DeleteBucketReplication' },
  requestPayment: { GET: 'GetBucketRequestPayment', PUT: 'PutBucketRequestPayment' },
  session: { GET: 'CreateSession' },
  tagging: { GET: 'GetBucketTagging', PUT: 'PutBucketTagging', DELETE: 'DeleteBucketTagging' },
  uploads: { GET: 'ListMultipartUploads' },
  versioning: { GET: 'GetBucketVersioning', PUT: 'PutBucketVersioning' },
  versions: { GET: 'ListObjectVersions' },
  website: { GET: 'GetBucketWebsite', PUT: 'PutBucketWebsite', DELETE: 'DeleteBucketWebsite' },
};

/** Sub-resources of which a bucket has several, by id: without an id, GET lists them. */
const NUMBERED_SUBRESOURCES: SubResources = {
  analytics: {
    GET: 'GetBucketAnalyticsConfiguration',
    LIST: 'ListBucketAnalyticsConfigurations',
    PUT: 'PutBucketAnalyticsConfiguration',
    DELETE: 'DeleteBucketAnalyticsConfiguration',
  },
  'intelligent-tiering': {
    GET: 'GetBucketIntelligentTieringConfiguration',
    LIST: 'ListBucketIntelligentTieringConfigurations',
    PUT: 'PutBucketIntelligentTieringConfiguration',
    DELETE: 'DeleteBucketIntelligentTieringConfiguration',
  },
  inventory: {
    GET: 'GetBucketInventoryConfiguration',
    LIST: 'ListBucketInventoryConfigurations',
    PUT: 'PutBucketInventoryConfiguration',
    DELETE: 'DeleteBucketInventoryConfiguration',
  },
  metrics: {
    GET: 'GetBucketMetricsConfiguration',
    LIST: 'ListBucketMetricsConfigurations',
    PUT: 'PutBucketMetricsConfiguration',
    DELETE: 'DeleteBucketMetricsConfiguration',
  },
};

const OBJECT_SUBRESOURCES: SubResources = {
  acl: { GET: 'GetObjectAcl', PUT: 'PutObjectAcl' },
  attributes: { GET: 'GetObjectAttributes' },
  encryption: { PUT: 'UpdateObjectEncryption' },
  'legal-hold': { GET: 'GetObjectLegalHold', PUT: 'PutObjectLegalHold' },
  renameObject: { PUT: 'RenameObject' },
  restore: { POST: 'RestoreObject' },
  retention: { GET: 'GetObjectRetention', PUT: 'PutObjectRetention' },
  select: { POST: 'SelectObjectContent' },
  tagging: { GET: 'GetObjectTagging', PUT: 'PutObjectTagging', DELETE: 'DeleteObjectTagging' },
  torrent: { GET: 'GetObjectTorrent' },
  uploads: { POST: 'CreateMultipartUpload' },
};

/**
 * The operation that a path-style S3 request asks for.
 * @param implemented names of the operations that are there; every other one that AWS knows is answered as unsupported
 * @throws Fault MethodNotAllowed where no operation of S3 has that method, InvalidURI where the path is not UTF-8
 */
export function detectOperation(
  implemented: Readonly<Record<string, unknown>>,
  method: string,
  path: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, string | undefined>>,
): DetectedOperation {
  const { bucket, key } = splitPath(path);
  const operation =
    key !== ''
      ? objectOperation(method, query, headers)
      : bucket !== ''
        ? bucketOperation(method, bucket, query)
        : serviceOperation(method, query);
  if (operation === undefined)
    throw new Fault('unsupported', 'The specified method is not allowed against this resource.', {
      code: 'MethodNotAllowed',
      members: { Method: method, ResourceType: key !== '' ? 'OBJECT' : bucket !== '' ? 'BUCKET' : 'SERVICE' },
    });
  if (!Object.hasOwn(implemented, operation)) return { unsupported: operation };
  return {
    operation,
    labels: { ...(bucket !== '' ? { Bucket: bucket } : {}), ...(key !== '' ? { Key: key } : {}) },
  };
}

/** `/bucket/any/key`: everything after the second slash is the key, further slashes included. */
function splitPath(path: string): { bucket: string; key: string } {
  const end = path.indexOf('/', 1);
  const bucket = end === -1 ? path.slice(1) : path.slice(1, end);
  const key = end === -1 ? '' : path.slice(end + 1);
  try {
    return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  } catch (cause) {
    throw new Fault('invalid', "Couldn't parse the specified URI: its path is not percent-encoded UTF-8.", {
      code: 'InvalidURI',
      members: { URI: path },
      cause,
    });
  }
}

/** What clients sign for directory buckets, of which nothing is there. @returns undefined for what is none of them */
export function directoryBucketOperation(method: string, path: string, query: URLSearchParams): string | undefined {
  if (method !== 'GET') return undefined;
  if (path === '/') return 'ListDirectoryBuckets';
  return query.has('session') ? 'CreateSession' : undefined;
}

function serviceOperation(method: string, query: URLSearchParams): string | undefined {
  if (method !== 'GET') return undefined;
  return query.get('x-id') === 'ListDirectoryBuckets' ? 'ListDirectoryBuckets' : 'ListBuckets';
}

function bucketOperation(method: string, bucket: string, query: URLSearchParams): string | undefined {
  if (method === 'HEAD') return 'HeadBucket';
  for (const [name, methods] of Object.entries(NUMBERED_SUBRESOURCES))
    if (query.has(name)) return methods[method === 'GET' && !query.has('id') ? 'LIST' : method];
  for (const [name, methods] of Object.entries(BUCKET_SUBRESOURCES)) if (query.has(name)) return methods[method];
  switch (method) {
    case 'GET':
      return listOperation(query.get('list-type'));
    case 'PUT':
      return 'CreateBucket';
    case 'DELETE':
      return 'DeleteBucket';
    case 'POST':
      // The model gives this one a path of its own, which path-style addressing cannot tell from a bucket's.
      if (bucket === 'WriteGetObjectResponse') return bucket;
      // A browser's form is told apart before; whatever else is posted to a bucket is none.
      throw s3Fault('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
        members: { Condition: 'Bucket POST must be of the enclosure-type multipart/form-data' },
      });
    default:
      return undefined;
  }
}

function listOperation(type: string | null): string {
  if (type === '2') return 'ListObjectsV2';
  if (type === null || type === '' || type === '1') return 'ListObjects';
  throw invalidArgument('list-type', type, 'Invalid List Type specified in Request');
}

function objectOperation(
  method: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (method === 'HEAD') return 'HeadObject';
  if (query.has('annotation')) return annotationOperation(method, query);
  for (const [name, methods] of Object.entries(OBJECT_SUBRESOURCES)) if (query.has(name)) return methods[method];
  const copies = headers['x-amz-copy-source'] !== undefined;
  const upload = query.has('uploadId');
  switch (method) {
    case 'GET':
      return upload ? 'ListParts' : 'GetObject';
    case 'PUT':
      if (upload || query.has('partNumber')) return copies ? 'UploadPartCopy' : 'UploadPart';
      return copies ? 'CopyObject' : 'PutObject';
    case 'DELETE':
      return upload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'POST':
      return upload ? 'CompleteMultipartUpload' : undefined;
    default:
      return undefined;
  }
}

function annotationOperation(method: string, query: URLSearchParams): string | undefined {
  // The SDK for JavaScript says in x-id which it is; the other clients tell it by the name alone.
  const readsOne = query.has('annotationName') || query.get('x-id') === 'GetObjectAnnotation';
  return {
    GET: readsOne ? 'GetObjectAnnotation' : 'ListObjectAnnotations',
    PUT: 'PutObjectAnnotation',
    DELETE: 'DeleteObjectAnnotation',
  }[method];
}
