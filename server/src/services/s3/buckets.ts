import type {
  CreateBucketOutput,
  CreateBucketRequest,
  DeleteBucketRequest,
  GetBucketLocationOutput,
  GetBucketLocationRequest,
  HeadBucketOutput,
  HeadBucketRequest,
  ListBucketsOutput,
  ListBucketsRequest,
} from '@aws-sdk/client-s3';
import { isOwnersAlone } from '../../domain/access/acl.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { accessTo, bucketArn } from './access.ts';
import { aclOfHeaders, bucketAclWithoutAcls, namesAcl } from './acl-requests.ts';
import { USUAL_OWNERSHIP } from './acls-in-force.ts';
import { isBucketName } from './bucket-names.ts';
import { headerNotImplemented, invalidArgument, noSuchBucket, s3Fault } from './faults.ts';
import { CLASSIC_REGION, regionOf } from './location-constraints.ts';
import { ownerOf } from './owner.ts';
import type { S3Parts } from './parts.ts';
import { MAXIMUM_BUCKET_TAGS, parseTags } from './tags.ts';

const MAXIMUM_BUCKETS_PER_PAGE = 10_000;

export function bucketOperations({ store, buckets, blobs }: S3Parts) {
  return {
    CreateBucket: {
      authorize(input: CreateBucketRequest, ctx: RequestContext) {
        const location = input.CreateBucketConfiguration?.LocationConstraint;
        const resource = bucketArn(input.Bucket ?? '');
        const create = { resource, conditions: { 's3:LocationConstraint': location } };
        const beside = [
          ...(input.CreateBucketConfiguration?.Tags?.length ? ['s3:TagResource'] : []),
          ...(input.ObjectOwnership === undefined ? [] : ['s3:PutBucketOwnershipControls']),
          ...(namesAcl(ctx.headers) ? ['s3:PutBucketAcl'] : []),
        ];
        return [create, ...beside.map(action => ({ resource, action }))];
      },
      async handle(input: CreateBucketRequest, ctx: RequestContext): Promise<CreateBucketOutput> {
        const name = input.Bucket ?? '';
        if (!isBucketName(name))
          throw s3Fault('InvalidBucketName', 'The specified bucket is not valid.', { members: { BucketName: name } });
        refuseBucketSettings(input);
        const region = regionOf(input.CreateBucketConfiguration?.LocationConstraint, ctx.region);
        const tagSet = input.CreateBucketConfiguration?.Tags ?? [];
        const tags = tagSet.length > 0 ? parseTags(tagSet, MAXIMUM_BUCKET_TAGS) : undefined;
        const { ObjectOwnership: ownership = USUAL_OWNERSHIP } = input;
        await store.transaction(async rows => {
          const existing = await rows.s3.bucket(name);
          if (!existing) {
            const subject = { kind: 'bucket', owner: ctx.accountId, bucketOwner: ctx.accountId } as const;
            const grants = await aclOfHeaders(rows, ctx.headers, subject);
            if (ownership === 'BucketOwnerEnforced' && grants && !isOwnersAlone(grants, ctx.accountId))
              throw bucketAclWithoutAcls();
            await rows.s3.createBucket({
              name,
              accountId: ctx.accountId,
              region,
              createdAt: wholeSeconds(ctx.now),
              policy: null,
              versioning: null,
            });
            if (tags !== undefined) await rows.s3.setBucketSetting(name, 'tagging', tags);
            if (grants !== undefined) await rows.s3.setBucketSetting(name, 'acl', grants);
            await rows.s3.setBucketSetting(name, 'ownership', ownership);
            return;
          }
          if (existing.accountId !== ctx.accountId)
            throw s3Fault(
              'BucketAlreadyExists',
              'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
              { members: { BucketName: name } },
            );
          if (existing.region !== CLASSIC_REGION || region !== CLASSIC_REGION)
            throw s3Fault(
              'BucketAlreadyOwnedByYou',
              'Your previous request to create the named bucket succeeded and you already own it.',
              { members: { BucketName: name } },
            );
        });
        const location = region === CLASSIC_REGION ? `/${name}` : `http://${ctx.host}/${name}`;
        return { Location: location, BucketArn: bucketArn(name) };
      },
    } satisfies Operation<CreateBucketRequest, CreateBucketOutput>,

    HeadBucket: {
      async authorize(input: HeadBucketRequest, ctx: RequestContext) {
        const bucket = await buckets.find(input, ctx);
        const question = await buckets.questionOf(bucket, { action: 's3:ListBucket' });
        // AWS tells a bucket's Region to everybody: Go's SDK asks for it unsigned.
        return [{ ...question, refusalHeaders: { 'x-amz-bucket-region': bucket.region } }];
      },
      async handle(input: HeadBucketRequest, ctx: RequestContext) {
        const bucket = await buckets.find(input, ctx);
        return {
          BucketArn: bucketArn(bucket.name),
          BucketRegion: bucket.region,
          AccessPointAlias: false,
          // AWS: of the document that it does not send.
          $metadata: { httpHeaders: { 'content-type': 'application/xml' } },
        };
      },
    } satisfies Operation<HeadBucketRequest, HeadBucketOutput & { $metadata: object }>,

    ListBuckets: {
      authorize: () => [{ action: 's3:ListAllMyBuckets', resource: bucketArn('*') }],
      async handle(input: ListBucketsRequest, ctx: RequestContext): Promise<ListBucketsOutput> {
        const limit = input.MaxBuckets ?? MAXIMUM_BUCKETS_PER_PAGE;
        if (!Number.isInteger(limit) || limit < 1 || limit > MAXIMUM_BUCKETS_PER_PAGE)
          throw invalidArgument('max-buckets', limit, `max-buckets must be between 1 and ${MAXIMUM_BUCKETS_PER_PAGE}.`);
        const found = await store.read(rows =>
          rows.s3.buckets({
            accountId: ctx.accountId,
            prefix: input.Prefix ?? '',
            region: input.BucketRegion,
            after: input.ContinuationToken ? readToken(input.ContinuationToken) : '',
            limit: limit + 1,
          }),
        );
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const filtered = Object.values(input).some(value => value !== undefined);
        return {
          Owner: ownerOf(ctx.accountId),
          Buckets: page.map(bucket => ({
            Name: bucket.name,
            CreationDate: bucket.createdAt,
            ...(filtered ? { BucketRegion: bucket.region } : {}),
          })),
          ...(input.Prefix === undefined ? {} : { Prefix: input.Prefix }),
          ...(found.length > limit && last ? { ContinuationToken: writeToken(last.name) } : {}),
        };
      },
    } satisfies Operation<ListBucketsRequest, ListBucketsOutput>,

    DeleteBucket: {
      authorize: (input: DeleteBucketRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: DeleteBucketRequest): Promise<Record<string, never>> {
        const name = input.Bucket ?? '';
        const orphans = await store.transaction(async rows => {
          const bucket = await rows.s3.bucket(name);
          if (!bucket) throw noSuchBucket(name);
          if (await rows.s3.hasVersions(name))
            throw s3Fault(
              'BucketNotEmpty',
              bucket.versioning === null
                ? 'The bucket you tried to delete is not empty'
                : 'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
              { members: { BucketName: name } },
            );
          return rows.s3.deleteBucket(name);
        });
        blobs.discard(orphans);
        return {};
      },
    } satisfies Operation<DeleteBucketRequest, Record<string, never>>,

    GetBucketLocation: {
      authorize: async (input: GetBucketLocationRequest) => [accessTo(await buckets.findAnywhere(input), {})],
      async handle(input: GetBucketLocationRequest): Promise<GetBucketLocationOutput> {
        const { region } = await buckets.findAnywhere(input);
        // AWS: us-east-1 has no location constraint; the element is there and empty.
        return region === CLASSIC_REGION
          ? {}
          : { LocationConstraint: region as NonNullable<GetBucketLocationOutput['LocationConstraint']> };
      },
    } satisfies Operation<GetBucketLocationRequest, GetBucketLocationOutput>,
  };
}

/** @throws Fault where a new bucket asks for what buckets here do not have */
function refuseBucketSettings(input: CreateBucketRequest): void {
  const configuration = input.CreateBucketConfiguration;
  if (input.ObjectLockEnabledForBucket)
    throw headerNotImplemented('x-amz-bucket-object-lock-enabled', 'Object Lock is not there: create it without.');
  if (input.BucketNamespace !== undefined && input.BucketNamespace !== 'global')
    throw headerNotImplemented('x-amz-bucket-namespace', 'All buckets share one name space.');
  if (configuration?.Location || configuration?.Bucket)
    throw s3Fault('NotImplemented', 'Directory buckets are not implemented: send no Location and no Bucket.');
}

/** S3 keeps no fractions of a second. */
export function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

/** Positions in lists are opaque to clients. */
export function writeToken(position: string): string {
  return Buffer.from(position).toString('base64url');
}

/** @throws Fault InvalidArgument for a token that this server did not write */
export function readToken(token: string): string {
  const position = Buffer.from(token, 'base64url').toString();
  if (writeToken(position) !== token)
    throw invalidArgument('continuation-token', token, 'The continuation token provided is incorrect');
  return position;
}
