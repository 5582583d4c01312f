/** Operations that change nothing although their names say otherwise; CloudTrail calls them read-only too. */
const READ_ONLY = new Set([
  'AssumeRole',
  'ConsoleLogin',
  'Converse',
  'ConverseStream',
  'Decrypt',
  'DetectGeneratedContent',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'GenerateRandom',
  'InvokeModel',
  'InvokeModelWithResponseStream',
  'ReEncrypt',
  'Sign',
  'StreamJobEvents',
  'Verify',
  'VerifyMac',
]);
const READING = /^(Get|List|Head|Describe|Lookup|Simulate|Select)/;

/** S3's lists of objects name no key and are about objects all the same. */
const OBJECT_LISTS = new Set([
  'DeleteObjects',
  'ListMultipartUploads',
  'ListObjects',
  'ListObjectsV2',
  'ListObjectVersions',
  'PostObject',
]);
const OBJECT_OPERATION = /Object|^(UploadPart|ListParts|(Create|Complete|Abort)MultipartUpload)/;

/**
 * Whether an event reads only, and whether it is about data: S3's objects, as on AWS.
 * Drawing is a management event there too; `isInvocation` tells it, since there is one for every image.
 */
export function eventKind(service: string, operation: string) {
  return {
    readOnly: READ_ONLY.has(operation) || READING.test(operation),
    isData: service === 's3' && (OBJECT_LISTS.has(operation) || OBJECT_OPERATION.test(operation)),
    isInvocation: /^(InvokeModel|Converse)/.test(operation),
  };
}
