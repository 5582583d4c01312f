import type {
  DeleteBucketPolicyRequest,
  GetBucketPolicyOutput,
  GetBucketPolicyRequest,
  GetBucketPolicyStatusOutput,
  GetBucketPolicyStatusRequest,
  PutBucketPolicyRequest,
} from '@aws-sdk/client-s3';
import { parsePolicy } from '../../domain/access/document.ts';
import { unknownPrincipal } from '../../domain/access/unknown-principals.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import { accessTo, bucketArn } from './access.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { checkActions } from './policy-actions.ts';
import { isPublic, refusePublicPolicy } from './public-policies.ts';

const MAXIMUM_POLICY_SIZE_BYTES = 20 * 1024;

export function bucketPolicyOperations({ store, buckets }: S3Parts) {
  async function ask(input: GetBucketPolicyRequest, ctx: RequestContext): Promise<AccessRequest[]> {
    const bucket = await buckets.find(input, ctx);
    // AWS: the owner's root user can always read, write and delete the policy, whatever it denies.
    const isOwnersRoot = ctx.principal.type === 'root' && ctx.accountId === bucket.accountId;
    return [accessTo(isOwnersRoot ? { ...bucket, policyInForce: null } : bucket, {})];
  }

  async function setPolicy(name: string, policy: string | null): Promise<Record<string, never>> {
    await store.transaction(async rows => {
      const bucket = await rows.s3.bucket(name);
      if (!bucket) throw noSuchBucket(name);
      if (policy !== null) {
        await refuseUnknownPrincipals(rows.iam, bucket.accountId, policy);
        await refusePublicPolicy(rows.s3, name, policy);
      }
      await rows.s3.setBucketPolicy(name, policy);
    });
    return {};
  }

  async function policyOf(input: GetBucketPolicyRequest, ctx: RequestContext): Promise<string> {
    const bucket = await buckets.find(input, ctx);
    if (bucket.policy === null)
      throw s3Fault('NoSuchBucketPolicy', 'The bucket policy does not exist', { members: { BucketName: bucket.name } });
    return bucket.policy;
  }

  return {
    PutBucketPolicy: {
      authorize: ask,
      async handle(input: PutBucketPolicyRequest) {
        const name = input.Bucket ?? '';
        const text = input.Policy ?? '';
        checkPolicy(name, text);
        await setPolicy(name, text);
        // AWS: 204, though its model says 200; minio's client for JavaScript takes nothing else.
        return { $metadata: { httpStatusCode: 204 } };
      },
    } satisfies Operation<PutBucketPolicyRequest, object>,

    GetBucketPolicy: {
      authorize: ask,
      async handle(input: GetBucketPolicyRequest, ctx: RequestContext): Promise<GetBucketPolicyOutput> {
        return { Policy: await policyOf(input, ctx) };
      },
    } satisfies Operation<GetBucketPolicyRequest, GetBucketPolicyOutput>,

    DeleteBucketPolicy: {
      authorize: ask,
      handle: (input: DeleteBucketPolicyRequest) => setPolicy(input.Bucket ?? '', null),
    } satisfies Operation<DeleteBucketPolicyRequest, Record<string, never>>,

    GetBucketPolicyStatus: {
      authorize: ask,
      async handle(input: GetBucketPolicyStatusRequest, ctx: RequestContext): Promise<GetBucketPolicyStatusOutput> {
        return { PolicyStatus: { IsPublic: isPublic(await policyOf(input, ctx)) } };
      },
    } satisfies Operation<GetBucketPolicyStatusRequest, GetBucketPolicyStatusOutput>,
  };
}

/** @throws Fault MalformedPolicy where the text is no policy, or names another bucket's resources */
function checkPolicy(bucket: string, text: string): void {
  if (Buffer.byteLength(text) > MAXIMUM_POLICY_SIZE_BYTES)
    throw s3Fault(
      'MalformedPolicy',
      `A bucket policy may have at most ${MAXIMUM_POLICY_SIZE_BYTES} bytes; this one has ${Buffer.byteLength(text)}.`,
    );
  if (!text.trimStart().startsWith('{'))
    throw s3Fault('MalformedPolicy', "Policies must be valid JSON and the first byte must be '{'");
  const { statements } = parsePolicy(text, { kind: 'resource', code: 'MalformedPolicy' });
  const own = bucketArn(bucket);
  // A pattern may stand for the bucket ("arn:aws:s3:::*"); a plain name must be its own.
  for (const statement of statements) {
    checkActions(statement);
    for (const resource of statement.resources?.patterns ?? [])
      if (resource !== '*' && resource !== own && !resource.startsWith(`${own}/`) && !mayMeanBucket(resource, own))
        throw s3Fault('MalformedPolicy', `Policy has invalid resource: "${resource}" is not in the bucket ${bucket}.`);
  }
}

async function refuseUnknownPrincipals(iam: Rows['iam'], accountId: string, policy: string): Promise<void> {
  const document = parsePolicy(policy, { kind: 'resource', code: 'MalformedPolicy' });
  const unknown = await unknownPrincipal(iam, accountId, document);
  if (unknown !== undefined)
    throw s3Fault('MalformedPolicy', `Invalid principal in policy: "AWS":"${unknown}"`, {
      members: { Detail: `"AWS" : "${unknown}"` },
    });
}

function mayMeanBucket(resource: string, own: string): boolean {
  const literal = resource.search(/[*?$]/);
  return literal !== -1 && own.startsWith(resource.slice(0, Math.min(literal, own.length)));
}
