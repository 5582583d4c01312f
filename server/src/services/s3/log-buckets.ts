import type { PutObjectRequest } from '@aws-sdk/client-s3';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, Principal, RequestContext, ServiceModule } from '../../domain/operation.ts';
import type { BedrockScope } from '../../ports/bedrock-lists.ts';
import type { LogBuckets } from '../../ports/invocation-logs.ts';
import type { Store } from '../../ports/store.ts';
import type { Ids, Time } from '../../ports/time.ts';

interface LogBucketsDependencies {
  store: Store;
  ids: Ids;
  time: Time;
  service: Pick<ServiceModule, 'operations'>;
  authorizer(requests: readonly AccessRequest[], ctx: RequestContext): Promise<void>;
  deliverer: LogDeliverer;
}

/** Who delivers, as `<name>.amazonaws.com`: logs of invocations, the audit trail, events. */
export type LogDeliverer = keyof typeof SOURCES;

/** What it delivers for, as the bucket's policy may name it (aws:SourceArn). */
const SOURCES = { bedrock: '*', cloudtrail: 'trail/likeness', events: 'rule/likeness' } as const;

/** PutObject as a service asks for it that delivers logs: the same checks, policies and encryption as for any caller. */
export function createLogBuckets(deps: LogBucketsDependencies): LogBuckets {
  const { store, ids, time, service, authorizer } = deps;
  const deliverer = `${deps.deliverer}.amazonaws.com`;
  const operation = service.operations.PutObject as Operation<PutObjectRequest, unknown>;
  return {
    async put(scope, bucketName, key, body) {
      const bucket = await store.read(rows => rows.s3.bucket(bucketName));
      // AWS: the bucket is of the account and the Region of the configuration.
      if (bucket && (bucket.accountId !== scope.accountId || bucket.region !== scope.region))
        throw new Fault(
          'conflict',
          `The bucket ${bucketName} must belong to the account ${scope.accountId} and the Region ${scope.region}.`,
        );
      const ctx = contextOf(scope, deliverer, ids.uuid(), time.now(), body.byteLength);
      const input: PutObjectRequest = {
        ...{ Bucket: bucketName, Key: key, ContentType: 'application/gzip' },
        // The type is of a stream for clients; here, as from the wire, bytes.
        Body: body as never,
      };
      const questions = await operation.authorize(input, ctx);
      // AWS: the conditions that the policy of the bucket (and of its key) is told to have, against confused deputies.
      const source = {
        'aws:SourceAccount': scope.accountId,
        'aws:SourceArn': `arn:aws:${deps.deliverer}:${scope.region}:${scope.accountId}:${SOURCES[deps.deliverer]}`,
      };
      await authorizer(
        questions.map(question => ({ ...question, conditions: { ...question.conditions, ...source } })),
        ctx,
      );
      await operation.handle(input, ctx);
    },
  };
}

function contextOf(
  scope: BedrockScope,
  deliverer: string,
  requestId: string,
  now: Date,
  sizeBytes: number,
): RequestContext {
  // A service is in no account; the one it works for is in aws:SourceAccount.
  const principal: Principal = { type: 'service', arn: deliverer, accountId: '', userId: deliverer };
  return {
    ...{ requestId, service: 's3', operation: 'PutObject', region: scope.region, principal, accountId: '', now },
    ...{ sourceIp: '', secureTransport: true, userAgent: deliverer, presigned: false, host: '' },
    headers: { 'content-length': String(sizeBytes) },
    signal: new AbortController().signal,
  };
}
