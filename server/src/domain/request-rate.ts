import { Fault } from './fault.ts';
import type { AdmitRequest } from './operation.ts';
import { type Quotas, quotaText } from './quotas.ts';

/** Requests of these are counted apart; bedrock is its control plane. */
export const requestClasses = ['s3', 'iam', 'sts', 'kms', 'bedrock', 'bedrock-runtime', 'likeness'] as const;
export type RequestClass = (typeof requestClasses)[number];

/**
 * Token buckets by key: each holds as many tokens as it gains in its period, so that a client that was quiet may send
 * that many at once.
 * @param limit tokens a period
 */
export function tokenBuckets(limit: number, periodSeconds: number) {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const gain = limit / (periodSeconds * 1000);
  return {
    /** Takes a token. @param now in milliseconds @returns seconds until there is one again; 0 when it was there */
    take(key: string, now: number): number {
      const { tokens, at } = buckets.get(key) ?? { tokens: limit, at: now };
      // A clock that is set back gains nothing.
      const filled = Math.min(limit, tokens + Math.max(0, now - at) * gain);
      const isThere = filled >= 1;
      buckets.set(key, { tokens: isThere ? filled - 1 : filled, at: now });
      return isThere ? 0 : (1 - filled) / gain / 1000;
    },
  };
}

/** @throws Fault throttled, with the header that says when to come back */
function refuseFor(waitSeconds: number, text: string): void {
  if (waitSeconds === 0) return;
  throw new Fault('throttled', text, { headers: { 'retry-after': String(Math.max(1, Math.ceil(waitSeconds))) } });
}

/**
 * Requests a second of an account, by class; what nobody signed counts as one account.
 * @param limits classes that it lacks are not limited
 * @param isOwn tells the service's own keys, which read a job's data: their requests are not counted
 */
export function requestRate(
  limits: Readonly<Partial<Record<RequestClass, number>>>,
  { now, isOwn }: { now(): number; isOwn(accessKeyId: string): boolean },
): AdmitRequest {
  const buckets = new Map(
    requestClasses.flatMap((name): [string, ReturnType<typeof tokenBuckets> & { limit: number }][] => {
      const limit = limits[name];
      return limit === undefined ? [] : [[name, { limit, ...tokenBuckets(limit, 1) }]];
    }),
  );
  return ({ accountId, accessKeyId }, service) => {
    const bucket = buckets.get(service);
    if (!bucket || (accessKeyId !== undefined && isOwn(accessKeyId))) return;
    refuseFor(
      bucket.take(accountId, now()),
      `Rate exceeded: ${bucket.limit} ${service} requests a second are allowed to an account. Retry after a moment, or raise the limit (LIKENESS_REQUESTS_PER_SECOND).`,
    );
  };
}

/** Passes an invocation on demand that is within the quota; what was bought has none. @throws Fault throttled */
export type AdmitInvocation = (caller: { accountId: string; region: string }, model: string) => void;

/** AWS counts them by account, Region and model. */
export function invocationRate({ invocationsPerMinute: limit }: Quotas, now: () => number): AdmitInvocation {
  if (limit === null) return () => undefined;
  const { take } = tokenBuckets(limit, 60);
  const text = `Too many requests: ${quotaText('invocationsPerMinute', limit)}`;
  return ({ accountId, region }, model) => refuseFor(take([accountId, region, model].join('/'), now()), text);
}
