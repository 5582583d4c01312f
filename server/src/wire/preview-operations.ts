/**
 * Operations that AWS documented in a preview and that no published SDK models: their shapes are typed here, in the form of
 * the SDK's static schemas, and everything else treats them as it treats the SDK's own.
 */
const STRUCTURE = 3;
const OPERATION = 9;
const STRING = 0;
const BLOB = 21;
const namespace = 'com.amazonaws.bedrockruntime';

const imageContent = [STRUCTURE, namespace, 'ImageContent', 0, ['bytes'], [BLOB]];
const content = [STRUCTURE, namespace, 'DetectionContent', 0, ['imageContent'], [() => imageContent]];
const request = [
  STRUCTURE,
  namespace,
  'DetectGeneratedContentRequest',
  0,
  ['foundationModelId', 'content'],
  [STRING, () => content],
];
const response = [
  STRUCTURE,
  namespace,
  'DetectGeneratedContentResponse',
  0,
  ['detectionResult', 'confidenceLevel'],
  [STRING, STRING],
];
const http = ['POST', '/detectGeneratedContent', 200];

/** Of Bedrock's runtime; the path is the one that clients of the preview were seen to use. */
export const previewRuntimeOperations = {
  DetectGeneratedContent$: [OPERATION, namespace, 'DetectGeneratedContent', { http }, () => request, () => response],
};
