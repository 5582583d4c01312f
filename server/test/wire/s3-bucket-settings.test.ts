import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateBucketCommand,
  DeleteBucketReplicationCommand,
  DeleteBucketWebsiteCommand,
  ListBucketAnalyticsConfigurationsCommand,
  ListBucketIntelligentTieringConfigurationsCommand,
  ListBucketInventoryConfigurationsCommand,
  ListBucketMetricsConfigurationsCommand,
  PutBucketLoggingCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketRequestPaymentCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { assertRefused, startS3 } from './s3-server.ts';

const Bucket = 'settings';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

const pay = (Payer: 'BucketOwner' | 'Requester') =>
  s3.send(new PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration: { Payer } }));
const log = (BucketLoggingStatus: object) => s3.send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus }));
const notify = (NotificationConfiguration: object) =>
  s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));

test('what is so of every bucket may be set', async () => {
  for (const done of [
    await pay('BucketOwner'),
    await log({}),
    await notify({}),
    await notify({ QueueConfigurations: [] }),
  ])
    assert.equal(done.$metadata.httpStatusCode, 200);
});

test('what would change a bucket is refused by name', async () => {
  await assertRefused(pay('Requester'), 501, 'NotImplemented', /^PutBucketRequestPayment is not implemented/);
  const LoggingEnabled = { TargetBucket: Bucket, TargetPrefix: 'log/' };
  await assertRefused(log({ LoggingEnabled }), 501, 'NotImplemented', /^PutBucketLogging is not implemented/);
  const QueueConfigurations = [{ QueueArn: 'arn:aws:sqs:us-east-1:111111111111:q', Events: ['s3:ObjectCreated:*'] }];
  const refused = [{ QueueConfigurations }, { EventBridgeConfiguration: {} }];
  for (const configuration of refused)
    await assertRefused(notify(configuration), 501, 'NotImplemented', /^PutBucketNotificationConfiguration is not/);
});

test('what no bucket has is deleted already', async () => {
  for (const Command of [DeleteBucketWebsiteCommand, DeleteBucketReplicationCommand]) {
    const { $metadata } = await s3.send(new Command({ Bucket }));
    assert.equal($metadata.httpStatusCode, 204);
  }
  await assertRefused(s3.send(new DeleteBucketWebsiteCommand({ Bucket: 'nobodys-bucket' })), 404, 'NoSuchBucket');
});

test('lists of configurations are empty, and say so', async () => {
  const analytics = await s3.send(new ListBucketAnalyticsConfigurationsCommand({ Bucket }));
  assert.deepEqual([analytics.IsTruncated, analytics.AnalyticsConfigurationList ?? []], [false, []]);
  const tiering = await s3.send(new ListBucketIntelligentTieringConfigurationsCommand({ Bucket }));
  assert.deepEqual([tiering.IsTruncated, tiering.IntelligentTieringConfigurationList ?? []], [false, []]);
  const inventory = await s3.send(new ListBucketInventoryConfigurationsCommand({ Bucket }));
  assert.deepEqual([inventory.IsTruncated, inventory.InventoryConfigurationList ?? []], [false, []]);
  const metrics = await s3.send(new ListBucketMetricsConfigurationsCommand({ Bucket }));
  assert.deepEqual([metrics.IsTruncated, metrics.MetricsConfigurationList ?? []], [false, []]);
});

test('each needs the permission that AWS names', async () => {
  const Resource = `arn:aws:s3:::${Bucket}`;
  const user = server.client(
    await server.user('reader', [{ Effect: 'Allow', Action: ['s3:GetMetricsConfiguration'], Resource }]),
  );
  await user.send(new ListBucketMetricsConfigurationsCommand({ Bucket }));
  const denied = [
    [new ListBucketInventoryConfigurationsCommand({ Bucket }), /s3:GetInventoryConfiguration/],
    [new DeleteBucketReplicationCommand({ Bucket }), /s3:PutReplicationConfiguration/],
    [
      new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: {} }),
      /s3:PutBucketNotification/,
    ],
  ] as const;
  for (const [command, action] of denied) await assertRefused(user.send(command as never), 403, 'AccessDenied', action);
});
