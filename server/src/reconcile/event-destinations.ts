import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Event } from '../domain/events/state-change.ts';
import type { BedrockScope } from '../ports/bedrock-lists.ts';
import type { EventDestination } from '../ports/events.ts';
import type { LogBuckets } from '../ports/invocation-logs.ts';
import type { Journal } from '../ports/journal.ts';
import type { Time } from '../ports/time.ts';

const BATCH_SIZE = 500;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

const compress = promisify(gzip);

/** Files of JSON lines. @param keepDays older files are deleted */
export function journalDestination(journal: Journal, time: Time, keepDays: number): EventDestination {
  return {
    name: 'file',
    batchSize: BATCH_SIZE,
    takesEachAlone: false,
    async deliver(events) {
      await journal.append(events.map(event => JSON.stringify(event)));
      await journal.sync();
      await journal.deleteBefore(new Date(time.now().getTime() - keepDays * DAY_MILLISECONDS));
    },
  };
}

/** Objects of gzipped JSON lines: `AWSLogs/<account>/Events/<region>/yyyy/mm/dd/hh/<id of the first>.jsonl.gz`. */
export function bucketDestination(
  logBuckets: LogBuckets,
  owner: BedrockScope,
  bucket: { name: string; keyPrefix: string },
): EventDestination {
  return {
    name: 's3',
    batchSize: BATCH_SIZE,
    takesEachAlone: false,
    async deliver(events) {
      for (const group of Map.groupBy(events, folderOf).values()) {
        const [first] = group;
        if (first === undefined) continue;
        const body = await compress(group.map(event => `${JSON.stringify(event)}\n`).join(''));
        const key = `${bucket.keyPrefix}${folderOf(first)}${first.id}.jsonl.gz`;
        await logBuckets.put(owner, bucket.name, key, body);
      }
    },
  };
}

function folderOf({ account, region, time }: Event): string {
  return `AWSLogs/${account}/Events/${region}/${time.slice(0, 13).replace(/[-T]/g, '/')}/`;
}
