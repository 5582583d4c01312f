import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { s3 } from '../../aws/s3.ts';
import { keysUnder } from '../../aws/s3-keys.ts';

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
