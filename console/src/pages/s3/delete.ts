import { DeleteObjectsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { s3 } from '../../aws/s3.ts';

/** DeleteObjects takes as many. */
const MOST_KEYS = 1000;

/** Deletes objects, and all that lies under keys that end in `/`. @throws Error that names the first that was refused */
export async function deleteObjects(bucket: string, chosen: readonly string[]): Promise<void> {
  const keys = chosen.filter(key => !key.endsWith('/'));
  for (const folder of chosen.filter(key => key.endsWith('/'))) keys.push(...(await keysUnder(bucket, folder)));
  for (let start = 0; start < keys.length; start += MOST_KEYS) {
    const Objects = keys.slice(start, start + MOST_KEYS).map(Key => ({ Key }));
    const { Errors = [] } = await s3().send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [refused] = Errors;
    if (refused) throw new Error(`${Errors.length} not deleted. ${refused.Key}: ${refused.Message ?? refused.Code}`);
  }
}

async function keysUnder(bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await s3().send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
    );
    for (const { Key = '' } of page.Contents ?? []) keys.push(Key);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}
