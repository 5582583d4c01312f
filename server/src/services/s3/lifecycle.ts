import type {
  DeleteBucketLifecycleRequest,
  GetBucketLifecycleConfigurationOutput,
  GetBucketLifecycleConfigurationRequest,
  LifecycleRule as LifecycleRuleMember,
  PutBucketLifecycleConfigurationOutput,
  PutBucketLifecycleConfigurationRequest,
  TransitionDefaultMinimumObjectSize,
  TransitionStorageClass,
} from '@aws-sdk/client-s3';
import { type LifecycleConfiguration, type LifecycleRule, nextExpiration } from '../../domain/lifecycle.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { S3Rows } from '../../ports/store-s3.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import { parseLifecycleRules } from './lifecycle-rules.ts';
import type { S3Parts } from './parts.ts';
import { tagSetOf } from './tags.ts';
import type { NewObject } from './versions.ts';

const USUAL_MINIMUM_SIZE = 'all_storage_classes_128K';

export function lifecycleOperations({ store, buckets, ids }: S3Parts) {
  async function set(name: string, value: LifecycleConfiguration | undefined): Promise<void> {
    await store.transaction(async ({ s3 }) => {
      if (!(await s3.bucket(name))) throw noSuchBucket(name);
      await s3.setBucketSetting(name, 'lifecycle', value);
    });
  }

  return {
    PutBucketLifecycleConfiguration: {
      authorize: (input: PutBucketLifecycleConfigurationRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutLifecycleConfiguration' }),
      async handle(input: PutBucketLifecycleConfigurationRequest): Promise<PutBucketLifecycleConfigurationOutput> {
        const rules = parseLifecycleRules(input.LifecycleConfiguration?.Rules ?? [], () => ids.uuid());
        const size = input.TransitionDefaultMinimumObjectSize ?? USUAL_MINIMUM_SIZE;
        await set(input.Bucket ?? '', { rules, transitionDefaultMinimumObjectSize: size });
        return { TransitionDefaultMinimumObjectSize: size };
      },
    } satisfies Operation<PutBucketLifecycleConfigurationRequest, PutBucketLifecycleConfigurationOutput>,

    GetBucketLifecycleConfiguration: {
      authorize: (input: GetBucketLifecycleConfigurationRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:GetLifecycleConfiguration' }),
      async handle(
        input: GetBucketLifecycleConfigurationRequest,
        ctx: RequestContext,
      ): Promise<GetBucketLifecycleConfigurationOutput> {
        const { name } = await buckets.find(input, ctx);
        const kept = await store.read(({ s3 }) => configurationOf(s3, name));
        if (!kept)
          throw s3Fault('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist', {
            members: { BucketName: name },
          });
        return {
          Rules: kept.rules.map(shownRule),
          TransitionDefaultMinimumObjectSize:
            kept.transitionDefaultMinimumObjectSize as TransitionDefaultMinimumObjectSize,
        };
      },
    } satisfies Operation<GetBucketLifecycleConfigurationRequest, GetBucketLifecycleConfigurationOutput>,

    DeleteBucketLifecycle: {
      authorize: (input: DeleteBucketLifecycleRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutLifecycleConfiguration' }),
      async handle(input: DeleteBucketLifecycleRequest): Promise<Record<string, never>> {
        await set(input.Bucket ?? '', undefined);
        return {};
      },
    } satisfies Operation<DeleteBucketLifecycleRequest, Record<string, never>>,
  };
}

/** The member that tells when a rule will end a current version. */
export async function expirationMember(s3: S3Rows, object: NewObject): Promise<{ Expiration?: string }> {
  const next = nextExpiration((await configurationOf(s3, object.bucket))?.rules ?? [], object);
  if (!next) return {};
  return { Expiration: `expiry-date="${next.at.toUTCString()}", rule-id="${encodeURIComponent(next.ruleId)}"` };
}

async function configurationOf(s3: S3Rows, bucket: string): Promise<LifecycleConfiguration | undefined> {
  return (await s3.bucketSetting(bucket, 'lifecycle')) as LifecycleConfiguration | undefined;
}

function shownRule(rule: LifecycleRule): LifecycleRuleMember {
  const { expiration, noncurrentExpiration: noncurrent, transitions, noncurrentTransitions, abortUploadDays } = rule;
  return {
    ID: rule.id,
    ...shownFilter(rule),
    Status: rule.enabled ? 'Enabled' : 'Disabled',
    ...(expiration && {
      Expiration: {
        ...(expiration.days === undefined ? {} : { Days: expiration.days }),
        ...(expiration.date === undefined ? {} : { Date: new Date(expiration.date) }),
        ...(expiration.expiredObjectDeleteMarker === undefined
          ? {}
          : { ExpiredObjectDeleteMarker: expiration.expiredObjectDeleteMarker }),
      },
    }),
    ...(noncurrent && {
      NoncurrentVersionExpiration: {
        NoncurrentDays: noncurrent.days,
        ...(noncurrent.keep === undefined ? {} : { NewerNoncurrentVersions: noncurrent.keep }),
      },
    }),
    ...(transitions && {
      Transitions: transitions.map(({ storageClass, days, date }) => ({
        ...(days === undefined ? {} : { Days: days }),
        ...(date === undefined ? {} : { Date: new Date(date) }),
        StorageClass: storageClass as TransitionStorageClass,
      })),
    }),
    ...(noncurrentTransitions && {
      NoncurrentVersionTransitions: noncurrentTransitions.map(({ storageClass, days, keep }) => ({
        NoncurrentDays: days,
        StorageClass: storageClass as TransitionStorageClass,
        ...(keep === undefined ? {} : { NewerNoncurrentVersions: keep }),
      })),
    }),
    ...(abortUploadDays === undefined
      ? {}
      : { AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortUploadDays } }),
  };
}

function shownFilter({ form, filter }: LifecycleRule): Pick<LifecycleRuleMember, 'Prefix' | 'Filter'> {
  const prefix = filter.prefix === undefined ? {} : { Prefix: filter.prefix };
  const sizes = {
    ...(filter.greaterThanBytes === undefined ? {} : { ObjectSizeGreaterThan: filter.greaterThanBytes }),
    ...(filter.lessThanBytes === undefined ? {} : { ObjectSizeLessThan: filter.lessThanBytes }),
  };
  if (form === 'prefix') return prefix;
  const Tags = tagSetOf(filter.tags);
  if (form === 'and') return { Filter: { And: { ...prefix, ...sizes, ...(Tags.length > 0 ? { Tags } : {}) } } };
  return { Filter: { ...prefix, ...sizes, ...(Tags[0] ? { Tag: Tags[0] } : {}) } };
}
