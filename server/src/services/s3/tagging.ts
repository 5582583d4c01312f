import type {
  DeleteBucketTaggingRequest,
  DeleteObjectTaggingOutput,
  DeleteObjectTaggingRequest,
  GetBucketTaggingOutput,
  GetBucketTaggingRequest,
  GetObjectTaggingOutput,
  GetObjectTaggingRequest,
  PutBucketTaggingRequest,
  PutObjectTaggingOutput,
  PutObjectTaggingRequest,
} from '@aws-sdk/client-s3';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { Tags } from '../../ports/store-s3.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { askToRead } from './reading.ts';
import { MAXIMUM_BUCKET_TAGS, MAXIMUM_OBJECT_TAGS, parseTags, requestedTagConditions, tagSetOf } from './tags.ts';
import { findVersion, parseVersionId, shownVersion } from './versions.ts';

type Empty = Record<string, never>;

export function taggingOperations(parts: S3Parts) {
  const { store, buckets } = parts;

  /** Tags belong to a version and change without making another. */
  async function setObjectTags(
    input: GetObjectTaggingRequest,
    tags: Tags,
    method: 'PUT' | 'DELETE',
  ): Promise<{ VersionId?: string }> {
    const name = input.Bucket ?? '';
    const versionId = parseVersionId(input.VersionId);
    return store.transaction(async ({ s3 }) => {
      const bucket = await s3.bucket(name);
      if (!bucket) throw noSuchBucket(name);
      const object = await findVersion(s3, name, input.Key ?? '', versionId, method);
      await s3.setTags(object, tags);
      return shownVersion(bucket.versioning, object.versionId);
    });
  }

  async function setBucketTags(name: string, tags: Tags | undefined): Promise<void> {
    await store.transaction(async ({ s3 }) => {
      if (!(await s3.bucket(name))) throw noSuchBucket(name);
      await s3.setBucketSetting(name, 'tagging', tags);
    });
  }

  return {
    PutObjectTagging: {
      async authorize(input: PutObjectTaggingRequest, ctx: RequestContext) {
        const tags = Object.fromEntries((input.Tagging?.TagSet ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
        const [question, ...rest] = await askToRead(parts, input, ctx);
        return question
          ? [{ ...question, conditions: { ...question.conditions, ...requestedTagConditions(tags) } }, ...rest]
          : rest;
      },
      handle: async (input: PutObjectTaggingRequest): Promise<PutObjectTaggingOutput> =>
        setObjectTags(input, parseTags(input.Tagging?.TagSet ?? [], MAXIMUM_OBJECT_TAGS), 'PUT'),
    } satisfies Operation<PutObjectTaggingRequest, PutObjectTaggingOutput>,

    GetObjectTagging: {
      authorize: (input: GetObjectTaggingRequest, ctx: RequestContext) => askToRead(parts, input, ctx),
      async handle(input: GetObjectTaggingRequest, ctx: RequestContext): Promise<GetObjectTaggingOutput> {
        const { name, versioning } = await buckets.find(input, ctx);
        const versionId = parseVersionId(input.VersionId);
        const object = await store.read(({ s3 }) => findVersion(s3, name, input.Key ?? '', versionId, 'GET'));
        return { ...shownVersion(versioning, object.versionId), TagSet: tagSetOf(object.tags) };
      },
    } satisfies Operation<GetObjectTaggingRequest, GetObjectTaggingOutput>,

    DeleteObjectTagging: {
      authorize: (input: DeleteObjectTaggingRequest, ctx: RequestContext) => askToRead(parts, input, ctx),
      handle: (input: DeleteObjectTaggingRequest) => setObjectTags(input, {}, 'DELETE'),
    } satisfies Operation<DeleteObjectTaggingRequest, DeleteObjectTaggingOutput>,

    PutBucketTagging: {
      authorize: (input: PutBucketTaggingRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: PutBucketTaggingRequest) {
        const tags = parseTags(input.Tagging?.TagSet ?? [], MAXIMUM_BUCKET_TAGS);
        // AWS: an empty set is none: the next question is answered NoSuchTagSet.
        await setBucketTags(input.Bucket ?? '', Object.keys(tags).length === 0 ? undefined : tags);
        // AWS: 204, though its model says 200.
        return { $metadata: { httpStatusCode: 204 } };
      },
    } satisfies Operation<PutBucketTaggingRequest, object>,

    GetBucketTagging: {
      authorize: (input: GetBucketTaggingRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: GetBucketTaggingRequest, ctx: RequestContext): Promise<GetBucketTaggingOutput> {
        const { name } = await buckets.find(input, ctx);
        const tags = await store.read(({ s3 }) => s3.bucketSetting(name, 'tagging'));
        if (tags === undefined)
          throw s3Fault('NoSuchTagSet', 'The TagSet does not exist', { members: { BucketName: name } });
        return { TagSet: tagSetOf(tags as Tags) };
      },
    } satisfies Operation<GetBucketTaggingRequest, GetBucketTaggingOutput>,

    DeleteBucketTagging: {
      authorize: (input: DeleteBucketTaggingRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutBucketTagging' }),
      async handle(input: DeleteBucketTaggingRequest): Promise<Empty> {
        await setBucketTags(input.Bucket ?? '', undefined);
        return {};
      },
    } satisfies Operation<DeleteBucketTaggingRequest, Empty>,
  };
}

/** AWS: who writes an object with tags needs the right to tag it as well. */
export async function askToTag(
  { buckets }: S3Parts,
  input: GetObjectTaggingRequest,
  ctx: RequestContext,
  tags: Tags,
): Promise<AccessRequest[]> {
  if (Object.keys(tags).length === 0) return [];
  const conditions = requestedTagConditions(tags);
  return buckets.ask(input, ctx, { action: 's3:PutObjectTagging', key: input.Key ?? '', conditions });
}
