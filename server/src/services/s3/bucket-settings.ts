import type {
  GetBucketAccelerateConfigurationRequest,
  GetBucketLocationRequest,
  GetBucketRequestPaymentOutput,
  PutBucketLoggingRequest,
  PutBucketNotificationConfigurationRequest,
  PutBucketRequestPaymentRequest,
} from '@aws-sdk/client-s3';
import type { Operation } from '../../domain/operation.ts';
import { type S3Code, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';

type AnyBucketRequest = GetBucketLocationRequest & GetBucketAccelerateConfigurationRequest;
type Setting<Output> = Operation<AnyBucketRequest, Output>;
type Nothing = Record<string, never>;

/** A list of configurations, whatever they are of. */
const NONE = { IsTruncated: false };

/**
 * What clients (Terraform, the console, backup tools) ask every bucket before they do anything. None of it can be set
 * here, so each has one honest answer: off, the default, or AWS's own "there is none". To set what is so anyway, and to
 * delete what is not there, is done already; anything else is refused by name.
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

  /** @param isSo whether the request asks for what every bucket has @param instead what that is, for who asks for more */
  function setting<Input extends AnyBucketRequest>(
    isSo: (input: Input) => boolean,
    instead: string,
    action?: string,
  ): Operation<Input, Nothing> {
    return {
      authorize: (input, ctx) => buckets.ask(input, ctx, action === undefined ? {} : { action }),
      async handle(input, ctx) {
        if (isSo(input)) return {};
        throw s3Fault('NotImplemented', `${ctx.operation} is not implemented by Likeness, except for ${instead}.`);
      },
    };
  }

  return {
    DeleteBucketReplication: constant<Nothing>({}, 's3:PutReplicationConfiguration'),
    DeleteBucketWebsite: constant<Nothing>({}),
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
    ListBucketAnalyticsConfigurations: constant(NONE, 's3:GetAnalyticsConfiguration'),
    ListBucketIntelligentTieringConfigurations: constant(NONE, 's3:GetIntelligentTieringConfiguration'),
    ListBucketInventoryConfigurations: constant(NONE, 's3:GetInventoryConfiguration'),
    ListBucketMetricsConfigurations: constant(NONE, 's3:GetMetricsConfiguration'),
    PutBucketLogging: setting<PutBucketLoggingRequest>(
      input => input.BucketLoggingStatus?.LoggingEnabled === undefined,
      'an empty BucketLoggingStatus: nothing is logged',
    ),
    PutBucketNotificationConfiguration: setting<PutBucketNotificationConfigurationRequest>(
      input => Object.values(input.NotificationConfiguration ?? {}).every(isEmptyList),
      'an empty NotificationConfiguration: nobody is told',
      's3:PutBucketNotification',
    ),
    PutBucketRequestPayment: setting<PutBucketRequestPaymentRequest>(
      input => input.RequestPaymentConfiguration?.Payer === 'BucketOwner',
      'Payer BucketOwner: nobody pays',
    ),
  };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
