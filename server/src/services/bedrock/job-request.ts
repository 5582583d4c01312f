import type { CreateModelCustomizationJobRequest, VpcConfig as SentVpcConfig } from '@aws-sdk/client-bedrock';
import { parseArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import { networkOf, type VpcConfig, type VpcNetwork } from '../../domain/vpc-networks.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope } from '../../ports/store-bedrock.ts';

/** Clients match on it; AWS answers it for an unknown model and for one that cannot be customized alike. */
export const INVALID_MODEL = 'The provided model identifier is invalid.';
/** Terraform retries while a new role spreads, by this text. */
const ROLE_NOT_ASSUMABLE = 'Could not assume provided IAM role';

/**
 * Refuses what another kind of job would need.
 * @throws Fault invalid naming the member
 */
export function refuseOtherKinds(input: CreateModelCustomizationJobRequest): void {
  const { customizationType = 'FINE_TUNING' } = input;
  if (customizationType !== 'FINE_TUNING')
    throw new Fault(
      'invalid',
      `customizationType ${customizationType} is not supported for this base model; it supports FINE_TUNING.`,
    );
  if (input.customizationConfig !== undefined)
    throw new Fault(
      'invalid',
      `customizationConfig.${Object.keys(input.customizationConfig)[0] ?? ''} belongs to another customization type; leave it out for FINE_TUNING.`,
    );
  if (input.trainingDataConfig?.invocationLogsConfig !== undefined)
    throw new Fault(
      'invalid',
      'trainingDataConfig.invocationLogsConfig is not supported for an image model; give trainingDataConfig.s3Uri.',
    );
}

/**
 * The manifest of the pictures that the validation loss is measured on, or null.
 * @throws Fault invalid for more than one, or a URI that names no object
 */
export function readValidator(input: CreateModelCustomizationJobRequest): { uri: string; bucket: string } | null {
  const validators = input.validationDataConfig?.validators ?? [];
  if (validators.length > 1)
    throw new Fault(
      'invalid',
      `validationDataConfig.validators may have 1 entry for an image model; you sent ${validators.length}. Put their lines into one file.`,
    );
  return validators.length === 0
    ? null
    : readS3Uri(validators[0]?.s3Uri, 'validationDataConfig.validators[0].s3Uri', true);
}

/** @throws Fault invalid where the URI names no bucket, or (a manifest) no object */
export function readS3Uri(uri: string | undefined, member: string, needsKey: boolean): { uri: string; bucket: string } {
  if (uri === undefined || uri === '') throw new Fault('invalid', `${member} is required.`);
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(uri);
  const [, bucket, key = ''] = match ?? [];
  if (bucket === undefined)
    throw new Fault('invalid', `${member} must look like s3://bucket/key; you sent ${uri.slice(0, 200)}.`);
  if (needsKey && (key === '' || key.endsWith('/')))
    throw new Fault('invalid', `${member} must name one object, a .jsonl manifest; you sent ${uri.slice(0, 200)}.`);
  return { uri, bucket };
}

/**
 * Refuses a bucket of another Region early, where it is the caller's own. Of a bucket of another account nothing is
 * said here: the job finds out with the role's permissions.
 */
export async function refuseOtherRegion(bucket: string, member: string, rows: Rows, scope: BedrockScope) {
  const row = await rows.s3.bucket(bucket);
  if (row && row.accountId === scope.accountId && row.region !== scope.region)
    throw new Fault(
      'invalid',
      `${member}: the bucket ${bucket} is in ${row.region}; a job in ${scope.region} uses buckets of its own Region.`,
    );
}

/** @throws Fault invalid in AWS's words for a role that cannot be passed: of another account, or no role at all */
export function refuseForeignRole(roleArn: string, scope: BedrockScope): void {
  const arn = parseArn(roleArn);
  if (arn?.service !== 'iam' || !arn.resource.startsWith('role/') || arn.accountId !== scope.accountId)
    throw new Fault('invalid', `${ROLE_NOT_ASSUMABLE}: roleArn must be a role of account ${scope.accountId}.`);
}

export function notAssumable(roleArn: string, cause: unknown): Fault {
  return new Fault(
    'invalid',
    `${ROLE_NOT_ASSUMABLE} ${roleArn}: it must exist, and its trust policy must allow sts:AssumeRole to the service bedrock.amazonaws.com for this account and job.`,
    { cause },
  );
}

/** The network that a job asks for. @throws Fault invalid where its ids mean none, or several */
export function readVpcConfig(sent: SentVpcConfig | undefined, networks: readonly VpcNetwork[]): VpcConfig | null {
  if (sent === undefined) return null;
  const vpcConfig = { subnetIds: [...(sent.subnetIds ?? [])], securityGroupIds: [...(sent.securityGroupIds ?? [])] };
  networkOf(networks, vpcConfig);
  return vpcConfig;
}
