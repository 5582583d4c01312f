/** Data sets in S3: `data-sets/NAME/images/HASH.jpg`, `masks/HASH.png`, and one `versions/000N/train.jsonl` a save, never written again. */
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { s3 } from '../../aws/s3.ts';
import { placeOf } from '../../aws/s3-uri.ts';
import { manifestText, type SubjectMask } from './records.ts';

export const FOLDER = 'data-sets/';
const PARALLEL = 6;
const VERSION_DIGITS = 4;
/** Of a content's hash, in its name. */
const HASH_DIGITS = 32;

export interface Saved {
  blob: Blob;
  sha256: string;
  caption: string;
  mask: SubjectMask | undefined;
}

/** @returns the URI of the new version's train.jsonl */
export async function saveDataSet(
  place: { bucket: string; name: string },
  records: readonly Saved[],
  progress: (done: number) => void,
): Promise<string> {
  const { bucket } = place;
  const folder = `${FOLDER}${place.name}/`;
  const keyOf = ({ blob, sha256 }: Saved) =>
    `${folder}images/${sha256.slice(0, HASH_DIGITS)}.${blob.type === 'image/png' ? 'png' : 'jpg'}`;
  const maskKeyOf = ({ sha256 }: { sha256: string }) => `${folder}masks/${sha256.slice(0, HASH_DIGITS)}.png`;
  let next = 0;
  let done = 0;
  // A picture that is there twice lies there once.
  const written = new Map<string, Promise<void>>();
  async function write(key: string, blob: Blob): Promise<void> {
    const writing = written.get(key) ?? putOnce(bucket, key, blob);
    written.set(key, writing);
    await writing;
  }
  async function upload(): Promise<void> {
    for (let record = records[next++]; record !== undefined; record = records[next++]) {
      await write(keyOf(record), record.blob);
      if (record.mask && 'png' in record.mask) await write(maskKeyOf(record.mask), record.mask.png);
      progress(++done);
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, upload));
  const version = 1 + (await newestVersion(place));
  const key = `${folder}versions/${String(version).padStart(VERSION_DIGITS, '0')}/train.jsonl`;
  const text = manifestText(
    records.map(record => {
      const { mask, caption } = record;
      const maskRef = mask && ('png' in mask ? `s3://${bucket}/${maskKeyOf(mask)}` : mask.uri);
      return { imageRef: `s3://${bucket}/${keyOf(record)}`, caption, maskRef };
    }),
  );
  await s3().send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: 'application/jsonl', IfNoneMatch: '*' }),
  );
  return `s3://${bucket}/${key}`;
}

/** A name that is its content's hash needs to be written once. */
async function putOnce(bucket: string, key: string, blob: Blob): Promise<void> {
  const isThere = await s3()
    .send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    .then(
      () => true,
      () => false,
    );
  if (isThere) return;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  await s3().send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ContentType: blob.type }));
}

/** @returns 0 where nothing was saved yet */
async function newestVersion({ bucket, name }: { bucket: string; name: string }): Promise<number> {
  const versions = await versionsOf(bucket, name);
  return versions.at(-1) ?? 0;
}

/** Numbers of the versions of a data set, the oldest first. */
export async function versionsOf(bucket: string, name: string): Promise<number[]> {
  const prefix = `${FOLDER}${name}/versions/`;
  const found: number[] = [];
  let token: string | undefined;
  do {
    const page = await s3().send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token }),
    );
    for (const { Prefix = '' } of page.CommonPrefixes ?? []) found.push(Number(Prefix.slice(prefix.length, -1)));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return found.filter(Number.isInteger).toSorted((one, other) => one - other);
}

export function manifestUri(bucket: string, name: string, version: number): string {
  return `s3://${bucket}/${FOLDER}${name}/versions/${String(version).padStart(VERSION_DIGITS, '0')}/train.jsonl`;
}

export async function fetchPicture(uri: string): Promise<Blob> {
  const { bucket, key } = placeOf(uri);
  const { Body, ContentType } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: ContentType ?? '' });
}
