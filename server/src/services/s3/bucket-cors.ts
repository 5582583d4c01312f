import type {
  CORSRule,
  DeleteBucketCorsRequest,
  GetBucketCorsOutput,
  GetBucketCorsRequest,
  PutBucketCorsRequest,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { malformedXml, noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];
const MAXIMUM_RULES = 100;

export function bucketCorsOperations({ store, buckets }: S3Parts) {
  async function set(bucket: string, value: readonly CORSRule[] | undefined): Promise<Record<string, never>> {
    await store.transaction(async ({ s3 }) => {
      if (!(await s3.bucket(bucket))) throw noSuchBucket(bucket);
      await s3.setBucketSetting(bucket, 'cors', value);
    });
    return {};
  }

  return {
    PutBucketCors: {
      authorize: (input: PutBucketCorsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutBucketCORS' }),
      async handle(input: PutBucketCorsRequest) {
        const rules = input.CORSConfiguration?.CORSRules ?? [];
        checkRules(rules);
        return set(input.Bucket ?? '', rules);
      },
    } satisfies Operation<PutBucketCorsRequest, Record<string, never>>,

    GetBucketCors: {
      authorize: (input: GetBucketCorsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:GetBucketCORS' }),
      async handle(input: GetBucketCorsRequest, ctx: RequestContext): Promise<GetBucketCorsOutput> {
        const { name } = await buckets.find(input, ctx);
        const rules = await store.read(({ s3 }) => s3.bucketSetting(name, 'cors'));
        if (rules === undefined)
          throw s3Fault('NoSuchCORSConfiguration', 'The CORS configuration does not exist', {
            members: { BucketName: name },
          });
        return { CORSRules: rules as CORSRule[] };
      },
    } satisfies Operation<GetBucketCorsRequest, GetBucketCorsOutput>,

    DeleteBucketCors: {
      // AWS: there is no permission of its own to delete it.
      authorize: (input: DeleteBucketCorsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutBucketCORS' }),
      handle: async (input: DeleteBucketCorsRequest) => set(input.Bucket ?? '', undefined),
    } satisfies Operation<DeleteBucketCorsRequest, Record<string, never>>,
  };
}

/** @throws Fault MalformedXML, InvalidRequest with AWS's texts */
function checkRules(rules: readonly CORSRule[]): void {
  if (rules.length === 0 || rules.length > MAXIMUM_RULES)
    throw malformedXml(`CORSConfiguration takes 1 to ${MAXIMUM_RULES} CORSRule; you sent ${rules.length}.`);
  for (const { AllowedMethods = [], AllowedOrigins = [], AllowedHeaders = [], ExposeHeaders = [] } of rules) {
    if (AllowedMethods.length === 0 || AllowedOrigins.length === 0)
      throw malformedXml('each CORSRule takes an AllowedMethod and an AllowedOrigin.');
    for (const method of AllowedMethods)
      if (!METHODS.includes(method))
        throw s3Fault(
          'InvalidRequest',
          `Found unsupported HTTP method in CORS config. Unsupported method is ${method}`,
        );
    requireOneWildcard('AllowedOrigin', AllowedOrigins);
    requireOneWildcard('AllowedHeader', AllowedHeaders);
    const exposed = ExposeHeaders.find(header => header.includes('*'));
    if (exposed !== undefined)
      throw s3Fault(
        'InvalidRequest',
        `ExposeHeader "${exposed}" contains wildcard. We currently do not support wildcard for ExposeHeader.`,
      );
  }
}

function requireOneWildcard(member: string, values: readonly string[]): void {
  const value = values.find(candidate => candidate.split('*').length > 2);
  if (value !== undefined) throw s3Fault('InvalidRequest', `${member} "${value}" can not have more than one wildcard.`);
}
