/** Writes the audit trail: into its files before each answer, and from there to a bucket every few minutes. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { attemptLimit } from '../domain/attempt-limit.ts';
import type { Call } from '../domain/call.ts';
import { eventKind } from '../domain/trail/event-kind.ts';
import { type TrailRecord, trailRecords } from '../domain/trail/record.ts';
import type { BedrockScope } from '../ports/bedrock-lists.ts';
import type { LogBuckets } from '../ports/invocation-logs.ts';
import type { Journal, JournalPosition } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Ids, Time } from '../ports/time.ts';
import type { Trail } from '../ports/trail.ts';
import { startLoop } from './sweep-loop.ts';

export interface TrailSettings {
  /** `management`: not what is done with S3's objects, and no drawing; `all`: those too; `off`: nothing. */
  events: 'management' | 'all' | 'off';
  keepDays: number;
  /** Where the entries of every account go as well. */
  bucket: { name: string; keyPrefix: string } | undefined;
  deliverySeconds: number;
}

interface TrailDependencies {
  journal: Journal;
  settings: TrailSettings;
  /** The installation's first account and its Region: the owner of the bucket. */
  owner: BedrockScope;
  logBuckets: LogBuckets;
  ids: Ids;
  time: Time;
  log: Log;
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

const compress = promisify(gzip);

/** Calls of nobody in particular that an address leaves entries of in a minute: more would only fill the disk. */
const MOST_UNKNOWN = 300;
const MINUTE_MILLISECONDS = 60_000;

/** Starts to deliver and to delete. `stop` delivers what is there. */
export function startTrail(dependencies: TrailDependencies): Trail & { stop(): Promise<void> } {
  const { journal, settings, owner, ids, time, log } = dependencies;
  const unknown = attemptLimit({ attempts: MOST_UNKNOWN, windowMilliseconds: MINUTE_MILLISECONDS });

  /** Whether anyone at all could have made the call, and this address has made too many of them. */
  function isFlood({ principal, sourceIp, error }: Call): boolean {
    const isKnown = principal !== undefined && (principal.type !== 'anonymous' || error === undefined);
    return !isKnown && unknown.begin(sourceIp, time.now().getTime()) > 0;
  }

  const loop = startLoop(
    { time, log },
    { intervalSeconds: settings.deliverySeconds, failure: 'the audit trail could not be delivered; it is tried again' },
    async () => {
      // Too old is too old, delivered or not: a bucket that cannot be written to must not fill the disk.
      await journal.deleteBefore(new Date(time.now().getTime() - settings.keepDays * DAY_MILLISECONDS));
      await deliver(dependencies);
    },
  );
  return {
    async record(call) {
      const { isData, isInvocation } = eventKind(call.service, call.operation ?? '');
      if (settings.events === 'off' || (settings.events === 'management' && (isData || isInvocation))) return;
      if (isFlood(call)) return;
      try {
        const records = trailRecords(call, { firstAccountId: owner.accountId, newId: () => ids.uuid() });
        await journal.append(records.map(record => JSON.stringify(record)));
      } catch (error) {
        // The call was carried out: refusing its answer would tell a lie.
        const { requestId, operation } = call;
        log.error({ error, requestId, operation }, 'a call is missing in the audit trail');
      }
    },
    async stop() {
      await loop.stop();
      await deliver(dependencies).catch(error =>
        log.warn({ error }, 'the audit trail could not be delivered; the next start tries again'),
      );
      await journal.close();
    },
  };
}

/** Puts every line that was not delivered yet. A line that a crash has delivered twice lies in the same object. */
async function deliver(dependencies: TrailDependencies): Promise<void> {
  const { journal, settings } = dependencies;
  if (settings.bucket === undefined) return;
  for (let after = await journal.delivered(); ; ) {
    const { lines, next } = await journal.forwards(after);
    if (lines.length === 0 || next === undefined) return;
    const records = lines.map(line => JSON.parse(line) as TrailRecord);
    const folders = Map.groupBy(records, ({ recipientAccountId, awsRegion }) => `${recipientAccountId}/${awsRegion}`);
    for (const group of folders.values()) await put(group, after, settings.bucket, dependencies);
    await journal.setDelivered(next);
    after = next;
  }
}

/** @param records of one account and Region; at least one. @param after where their reading began: it makes the name */
async function put(
  records: readonly TrailRecord[],
  after: JournalPosition | undefined,
  { name, keyPrefix }: { name: string; keyPrefix: string },
  { logBuckets, owner }: TrailDependencies,
): Promise<void> {
  const [first] = records;
  if (first === undefined) return;
  const body = await compress(JSON.stringify({ Records: records }));
  await logBuckets.put(owner, name, `${keyPrefix}${objectKey(first, after)}`, body);
}

/** `AWSLogs/<account>/CloudTrail/<region>/yyyy/mm/dd/<account>_CloudTrail_<region>_yyyymmddThhmmZ_<16 characters>.json.gz` */
function objectKey(
  { recipientAccountId, awsRegion, eventTime }: TrailRecord,
  after: JournalPosition | undefined,
): string {
  const [day = '', clock = ''] = eventTime.split('T');
  const minute = `${day.replaceAll('-', '')}T${clock.slice(0, 5).replace(':', '')}Z`;
  const unique = createHash('sha256')
    .update(JSON.stringify(after ?? null))
    .digest('hex')
    .slice(0, 16);
  const folder = `AWSLogs/${recipientAccountId}/CloudTrail/${awsRegion}/${day.replaceAll('-', '/')}`;
  return `${folder}/${recipientAccountId}_CloudTrail_${awsRegion}_${minute}_${unique}.json.gz`;
}
