/** What a service's error codes say, in the words of whoever reads them; each without its `Exception` or `Error` at the end. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  'You may not do this': ['AccessDenied', 'AccessForbidden', 'NotAuthorized'],
  'This was not accepted': [
    ...['Validation', 'InvalidArgument', 'InvalidInput', 'InvalidParameterValue', 'InvalidRequest', 'BadRequest'],
    ...['InvalidArn', 'InvalidURI', 'UnexpectedContent'],
  ],
  'There is no such resource': ['ResourceNotFound', 'NoSuchEntity', 'NotFound'],
  'There is no such bucket': ['NoSuchBucket'],
  'There is no such object': ['NoSuchKey', 'NoSuchVersion'],
  'The bucket is not empty': ['BucketNotEmpty'],
  'This is no name for a bucket': ['InvalidBucketName'],
  'The name is taken': ['BucketAlreadyExists', 'BucketAlreadyOwnedByYou', 'EntityAlreadyExists', 'AlreadyExists'],
  'The bucket lies in another Region': ['PermanentRedirect', 'IllegalLocationConstraint'],
  'The policy is not valid': ['MalformedPolicy', 'MalformedPolicyDocument', 'InvalidPolicyDocument'],
  'The password is not good enough': ['PasswordPolicyViolation'],
  'The password has expired': ['PasswordExpired'],
  'There is no such access key': ['InvalidClientTokenId', 'InvalidAccessKeyId', 'UnrecognizedClient'],
  'The secret access key is not right': ['SignatureDoesNotMatch', 'InvalidSignature'],
  'The session is over': ['ExpiredToken'],
  'Something else stands against this': ['DeleteConflict', 'Conflict', 'ResourceInUse'],
  'This was changed meanwhile': ['PreconditionFailed', 'OperationAborted', 'EntityTemporarilyUnmodifiable'],
  'A limit is reached': [
    ...['ServiceQuotaExceeded', 'LimitExceeded', 'TooManyBuckets', 'TooManyTags', 'PackedPolicyTooLarge'],
  ],
  'Too many requests at once': ['Throttling', 'SlowDown'],
  'The model is being loaded': ['ModelNotReady'],
  'The model could not do this': ['Model', 'ModelTimeout'],
  'The file is too large': ['EntityTooLarge'],
  'The name is too long': ['KeyTooLong'],
  'The file did not arrive whole': ['BadDigest', 'IncompleteBody', 'InvalidDigest', 'XAmzContentSHA256Mismatch'],
  'The key cannot be used now': ['Disabled', 'KMSInvalidState', 'KeyUnavailable'],
  'This is not built here': ['NotImplemented', 'UnsupportedOperation', 'InvalidAction', 'MethodNotAllowed'],
  'The service is busy': ['ServiceUnavailable', 'DependencyTimeout'],
  'Something broke in the service': ['InternalServer', 'InternalFailure', 'Internal', 'ServiceFailure', 'KMSInternal'],
};

const TITLES = new Map(Object.entries(CODES).flatMap(([title, codes]) => codes.map(code => [code, title] as const)));
/** AWS's SDK gives IAM's `NoSuchEntity` as `NoSuchEntityException`. */
const ENDING = /(?:Error)?(?:Exception|Error)$/;

/** @param code as a service gives it, such as `BucketNotEmpty` */
export function titleOfCode(code: string): string {
  return TITLES.get(code.replace(ENDING, '')) ?? 'This did not work';
}

/** Whether it says that somebody lacks a right. */
export function isDenial(code: string): boolean {
  return titleOfCode(code) === titleOfCode('AccessDenied');
}
