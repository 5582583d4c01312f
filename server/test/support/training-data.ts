import { setTimeout as delay } from 'node:timers/promises';
import type { GetModelCustomizationJobResponse } from '@aws-sdk/client-bedrock';
import {
  CreateModelCustomizationJobCommand,
  GetModelCustomizationJobCommand,
  type VpcConfig,
} from '@aws-sdk/client-bedrock';
import { CreateRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { TestClients } from './server.ts';

/** The smallest bytes that pass for a PNG of these sides: a header and an end. Trainings in process decode nothing. */
export function pngHeader(width = 512, height = 512): Buffer {
  const bytes = Buffer.alloc(45);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);
  bytes.write('IHDR', 12);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.write('IEND', 37);
  return bytes;
}

/** A bucket with images `1.png`… and train.jsonl. @param lines replaces lines of the manifest, by number from 1 */
export async function putDataSet(
  { s3 }: TestClients,
  bucket: string,
  options: { count?: number; lines?: Record<number, string>; images?: Record<number, Buffer> } = {},
): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const lines: string[] = [];
  for (let number = 1; number <= (options.count ?? 5); number += 1) {
    const body = options.images?.[number] ?? pngHeader();
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `data/${number}.png`, Body: body }));
    const line = { 'image-ref': `s3://${bucket}/data/${number}.png`, caption: `Ron the dog, number ${number}` };
    lines.push(options.lines?.[number] ?? JSON.stringify(line));
  }
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'data/train.jsonl', Body: lines.join('\n') }));
}

/** A role that Bedrock may assume. @returns its ARN */
export async function putRole(
  { iam }: TestClients,
  name: string,
  actions: string[] = ['s3:GetObject', 's3:PutObject', 's3:ListBucket'],
): Promise<string> {
  const trust = { Effect: 'Allow', Principal: { Service: 'bedrock.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document }));
  const statement = { Effect: 'Allow', Action: actions, Resource: '*' };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: 'data', PolicyDocument: policy }));
  return Role?.Arn ?? '';
}

/** @returns the job's ARN */
export async function createJob(
  { bedrock }: TestClients,
  bucket: string,
  roleArn: string,
  options: {
    stepCount?: string;
    output?: string;
    keyId?: string;
    hyperParameters?: Record<string, string>;
    validator?: string;
    vpcConfig?: VpcConfig;
    name?: string;
    base?: string;
  } = {},
): Promise<string> {
  const { jobArn } = await bedrock.send(
    new CreateModelCustomizationJobCommand({
      jobName: `job-${options.name ?? bucket}`,
      customModelName: `model-${options.name ?? bucket}`,
      roleArn,
      baseModelIdentifier: options.base ?? 'amazon.titan-image-generator-v1:0',
      hyperParameters: { stepCount: options.stepCount ?? '20', ...options.hyperParameters },
      trainingDataConfig: { s3Uri: `s3://${bucket}/data/train.jsonl` },
      outputDataConfig: { s3Uri: options.output ?? `s3://${bucket}/output/` },
      ...(options.validator && { validationDataConfig: { validators: [{ s3Uri: options.validator }] } }),
      ...(options.vpcConfig && { vpcConfig: options.vpcConfig }),
      ...(options.keyId === undefined ? {} : { customModelKmsKeyId: options.keyId }),
    }),
  );
  return jobArn ?? '';
}

export async function getJob({ bedrock }: TestClients, jobArn: string): Promise<GetModelCustomizationJobResponse> {
  return bedrock.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
}

/** Waits for the job's end. */
export async function endedJob(clients: TestClients, jobArn: string): Promise<GetModelCustomizationJobResponse> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(50)) {
    const job = await getJob(clients, jobArn);
    if (job.status !== 'InProgress' && job.status !== 'Stopping') return job;
  }
  throw new Error('the job did not end within 60 seconds');
}
