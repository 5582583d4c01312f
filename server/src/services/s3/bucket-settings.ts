import type {
  GetBucketAccelerateConfigurationRequest,
  GetBucketLocationRequest,
  GetBucketRequestPaymentOutput,
} from '@aws-sdk/client-s3';
import type { Operation } from '../../domain/operation.ts';
import { type S3Code, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';

type AnyBucketRequest = GetBucketLocationRequest & GetBucketAccelerateConfigurationRequest;
type Setting<Output> = Operation<AnyBucketRequest, Output>;

/**
 * What clients (Terraform, the console, backup tools) ask every bucket before they do anything. None of it can be set
 * here, so each has one honest answer: off, the default, or AWS's own "there is none".
 */
export function bucketSettingOperations({ buckets }: S3Parts) {
  function constant<Output>(output: Output, action?: string): Setting<Output> {
    return {
      authorize: (input, ctx) => buckets.ask(input, ctx, action === undefined ? {} : { action }),
      handle: async () => output,
    };
  }

  function absent(code: S3Code, message: string, action?: string): Setting<never> {
    return {
      authorize: (input, ctx) => buckets.ask(input, ctx, action === undefined ? {} : { action }),
      async handle(input) {
        throw s3Fault(code, message, { members: { BucketName: input.Bucket ?? '' } });
      },
    };
  }

  return {
    GetBucketAccelerateConfiguration: constant({}, 's3:GetAccelerateConfiguration'),
    GetBucketLogging: constant({}),
    GetBucketNotificationConfiguration: constant({}, 's3:GetBucketNotification'),
    GetBucketReplication: absent(
      'ReplicationConfigurationNotFoundError',
      'The replication configuration was not found',
      's3:GetReplicationConfiguration',
    ),
    GetBucketRequestPayment: constant<GetBucketRequestPaymentOutput>({ Payer: 'BucketOwner' }),
    GetBucketWebsite: absent(
      'NoSuchWebsiteConfiguration',
      'The specified bucket does not have a website configuration',
    ),
    GetObjectLockConfiguration: absent(
      'ObjectLockConfigurationNotFoundError',
      'Object Lock configuration does not exist for this bucket',
      's3:GetBucketObjectLockConfiguration',
    ),
  };
}
