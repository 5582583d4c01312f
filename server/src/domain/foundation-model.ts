import { formatArn, parseArn } from './arn.ts';

/** What resolving an identifier needs to know of a catalogue row. */
export interface ModelSupport {
  modelId: string;
  customizationsSupported: readonly string[];
  inferenceTypesSupported: readonly string[];
}

/** Foundation models belong to no account: that part of their ARN is empty. */
export function foundationModelArn(region: string, modelId: string): string {
  return formatArn({ service: 'bedrock', region, accountId: '', resource: `foundation-model/${modelId}` });
}

/**
 * The model id that an identifier names: itself, or the end of a foundation model's ARN of this Region.
 * @returns undefined for an ARN of anything else, or of another Region
 */
export function foundationModelId(identifier: string, region: string): string | undefined {
  if (!identifier.startsWith('arn:')) return identifier;
  const arn = parseArn(identifier);
  const prefix = 'foundation-model/';
  if (arn?.service !== 'bedrock' || arn.region !== region || arn.accountId !== '' || !arn.resource.startsWith(prefix))
    return undefined;
  return arn.resource.slice(prefix.length);
}

/**
 * The row to customize or to buy throughput for: the one of that id, or its versioned sibling. AWS lists
 * `amazon.titan-image-generator-v1` (on demand) and `…-v1:0` (customizable), and takes the first for the second: Terraform's own
 * example of a custom model names its base so (`amazon.titan-text-express-v1`), and the job's ARN then names the version.
 */
export function supportingModel<Row extends ModelSupport>(
  catalogue: readonly Row[],
  modelId: string,
  support: 'FINE_TUNING' | 'PROVISIONED',
): Row | undefined {
  return catalogue.find(
    row =>
      (row.modelId === modelId || row.modelId === `${modelId}:0`) &&
      (row.customizationsSupported.includes(support) || row.inferenceTypesSupported.includes(support)),
  );
}
