import { Fault, type FaultKind, type FaultOptions } from '../../domain/fault.ts';
import type { ServiceFault } from '../../domain/operation.ts';

/**
 * S3's error codes with their statuses. The SDK models a handful; the rest is from
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const CODES = {
  AccessControlListNotSupported: { kind: 'unsupported', status: 400 },
  AccessDenied: { kind: 'denied', status: 403 },
  AccessForbidden: { kind: 'denied', status: 403 },
  BadDigest: { kind: 'invalid', status: 400 },
  BadRequest: { kind: 'invalid', status: 400 },
  BucketAlreadyExists: { kind: 'conflict', status: 409 },
  BucketAlreadyOwnedByYou: { kind: 'conflict', status: 409 },
  BucketNotEmpty: { kind: 'conflict', status: 409 },
  ConditionalRequestConflict: { kind: 'conflict', status: 409 },
  EntityTooLarge: { kind: 'invalid', status: 400 },
  EntityTooSmall: { kind: 'invalid', status: 400 },
  IllegalLocationConstraintException: { kind: 'invalid', status: 400 },
  IncompleteBody: { kind: 'invalid', status: 400 },
  InternalError: { kind: 'internal', status: 500 },
  InvalidArgument: { kind: 'invalid', status: 400 },
  InvalidBucketAclWithObjectOwnership: { kind: 'unsupported', status: 400 },
  InvalidBucketName: { kind: 'invalid', status: 400 },
  InvalidDigest: { kind: 'invalid', status: 400 },
  InvalidEncryptionAlgorithmError: { kind: 'invalid', status: 400 },
  InvalidLocationConstraint: { kind: 'invalid', status: 400 },
  InvalidObjectState: { kind: 'denied', status: 403 },
  InvalidPart: { kind: 'invalid', status: 400 },
  InvalidPartNumber: { kind: 'invalid', status: 416 },
  InvalidPartOrder: { kind: 'invalid', status: 400 },
  InvalidPolicyDocument: { kind: 'invalid', status: 400 },
  InvalidRange: { kind: 'invalid', status: 416 },
  InvalidRequest: { kind: 'invalid', status: 400 },
  InvalidStorageClass: { kind: 'invalid', status: 400 },
  InvalidTag: { kind: 'invalid', status: 400 },
  InvalidURI: { kind: 'invalid', status: 400 },
  KeyTooLongError: { kind: 'invalid', status: 400 },
  MalformedPolicy: { kind: 'invalid', status: 400 },
  IllegalVersioningConfigurationException: { kind: 'invalid', status: 400 },
  MalformedACLError: { kind: 'invalid', status: 400 },
  MalformedXML: { kind: 'invalid', status: 400 },
  MetadataTooLarge: { kind: 'invalid', status: 400 },
  MethodNotAllowed: { kind: 'unsupported', status: 405 },
  MissingSecurityHeader: { kind: 'invalid', status: 400 },
  MissingContentLength: { kind: 'invalid', status: 411 },
  NoSuchBucket: { kind: 'notFound', status: 404 },
  NoSuchBucketPolicy: { kind: 'notFound', status: 404 },
  NoSuchCORSConfiguration: { kind: 'notFound', status: 404 },
  NoSuchKey: { kind: 'notFound', status: 404 },
  NoSuchLifecycleConfiguration: { kind: 'notFound', status: 404 },
  NoSuchPublicAccessBlockConfiguration: { kind: 'notFound', status: 404 },
  NoSuchTagSet: { kind: 'notFound', status: 404 },
  NoSuchUpload: { kind: 'notFound', status: 404 },
  NoSuchVersion: { kind: 'notFound', status: 404 },
  NoSuchWebsiteConfiguration: { kind: 'notFound', status: 404 },
  NotImplemented: { kind: 'unsupported', status: 501 },
  NotModified: { kind: 'conflict', status: 304 },
  ObjectLockConfigurationNotFoundError: { kind: 'notFound', status: 404 },
  OwnershipControlsNotFoundError: { kind: 'notFound', status: 404 },
  PermanentRedirect: { kind: 'invalid', status: 301 },
  PreconditionFailed: { kind: 'conflict', status: 412 },
  ReplicationConfigurationNotFoundError: { kind: 'notFound', status: 404 },
  ServerSideEncryptionConfigurationNotFoundError: { kind: 'notFound', status: 404 },
  ServiceUnavailable: { kind: 'unavailable', status: 503 },
  SlowDown: { kind: 'throttled', status: 503 },
  TooManyBuckets: { kind: 'quota', status: 400 },
  UnexpectedContent: { kind: 'invalid', status: 400 },
  UnresolvableGrantByEmailAddress: { kind: 'invalid', status: 400 },
} as const satisfies Record<string, { kind: FaultKind; status: number }>;

export type S3Code = keyof typeof CODES;

const CODE_OF_KIND: Record<FaultKind, S3Code> = {
  invalid: 'InvalidArgument',
  notFound: 'NoSuchKey',
  denied: 'AccessDenied',
  conflict: 'PreconditionFailed',
  quota: 'ServiceUnavailable',
  throttled: 'SlowDown',
  notReady: 'ServiceUnavailable',
  modelError: 'InternalError',
  modelTimeout: 'InternalError',
  unavailable: 'ServiceUnavailable',
  unsupported: 'NotImplemented',
  internal: 'InternalError',
};

/** A fault with S3's own code. @param options `members` become elements of the answer's XML beside code and message */
export function s3Fault(code: S3Code, message: string, options: Omit<FaultOptions, 'code'> = {}): Fault {
  return new Fault(CODES[code].kind, message, { ...options, code });
}

/** How S3 answers a fault, whoever threw it. */
export function s3FaultFor(kind: FaultKind, _resource: string | undefined, code?: string): ServiceFault {
  const known = code !== undefined && Object.hasOwn(CODES, code) ? (code as S3Code) : undefined;
  if (code !== undefined && known === undefined) return { code, status: CODES[CODE_OF_KIND[kind]].status };
  const answered = known ?? CODE_OF_KIND[kind];
  return { code: answered, status: CODES[answered].status };
}

/** A value that breaks S3's rules for a named argument; the XML names both, as AWS does. */
export function invalidArgument(name: string, value: string | number, message: string): Fault {
  return s3Fault('InvalidArgument', message, { members: { ArgumentName: name, ArgumentValue: value } });
}

/** A document that S3's schema does not allow. @param rule the member and its bound */
export function malformedXml(rule: string): Fault {
  return s3Fault(
    'MalformedXML',
    `The XML you provided was not well-formed or did not validate against our published schema: ${rule}`,
  );
}

export function noSuchBucket(name: string): Fault {
  return s3Fault('NoSuchBucket', 'The specified bucket does not exist', { members: { BucketName: name } });
}

export function noSuchKey(key: string, headers: Record<string, string> = {}): Fault {
  return s3Fault('NoSuchKey', 'The specified key does not exist.', { members: { Key: key }, headers });
}

export function noSuchUpload(uploadId: string): Fault {
  return s3Fault(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    { members: { UploadId: uploadId } },
  );
}

/** A header that asks for what this server does not do: refused by name, never silently dropped. */
export function headerNotImplemented(header: string, advice: string): Fault {
  return s3Fault(
    'NotImplemented',
    `A header you provided implies functionality that is not implemented: ${header}. ${advice}`,
    { members: { Header: header } },
  );
}
