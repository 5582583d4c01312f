/**
 * Data sets in S3: `data-sets/NAME/images/HASH.jpg`, `masks/HASH.png`, and one `versions/000N/train.jsonl` a save, never written
 * again. `editor.json` beside it has what no job needs to know, and is missing beside versions that were saved before there was one.
 */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { readManifestAt } from '../../aws/manifest.ts';
import type { ManifestRecord } from '../../aws/manifest-text.ts';
import { s3 } from '../../aws/s3.ts';
import { keysUnder } from '../../aws/s3-keys.ts';
import { placeOf } from '../../aws/s3-uri.ts';
import { manifestText, type SubjectMask } from './records.ts';

export const FOLDER = 'data-sets/';
const PARALLEL = 6;
const VERSION_DIGITS = 4;
/** Of a content's hash, in its name. */
const HASH_DIGITS = 32;

export interface Saved {
  /** Of the file that was brought. */
  name: string;
  blob: Blob;
  sha256: string;
  caption: string;
  mask: SubjectMask | undefined;
}

/** What the editor says of a data set beside its records, as typed. */
export interface EditorTexts {
  triggers: string;
  subject: string;
}

interface EditorFile extends EditorTexts {
  /** Of the pictures' files, in the order of the manifest's lines: what lies in S3 is named by its content. */
  names: readonly string[];
}

/** @returns the URI of the new version's train.jsonl */
export async function saveDataSet(
  place: { bucket: string; name: string },
  records: readonly Saved[],
  { triggers, subject }: EditorTexts,
  progress: (done: number) => void,
): Promise<string> {
  const { bucket } = place;
  const folder = `${FOLDER}${place.name}/`;
  const keyOf = ({ blob, sha256 }: Saved) =>
    `${folder}images/${sha256.slice(0, HASH_DIGITS)}.${blob.type === 'image/png' ? 'png' : 'jpg'}`;
  const maskKeyOf = ({ sha256 }: { sha256: string }) => `${folder}masks/${sha256.slice(0, HASH_DIGITS)}.png`;
  let next = 0;
  let done = 0;
  // A name that is its content's hash needs to be written once, in this save or an earlier one.
  const present = [...(await keysUnder(bucket, `${folder}images/`)), ...(await keysUnder(bucket, `${folder}masks/`))];
  const written = new Map(present.map(key => [key, Promise.resolve()]));
  async function write(key: string, blob: Blob): Promise<void> {
    const writing = written.get(key) ?? put(bucket, key, blob);
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
  const versionFolder = versionFolderOf(place.name, version);
  const key = `${versionFolder}train.jsonl`;
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
  const about: EditorFile = { names: records.map(({ name }) => name), triggers, subject };
  const Body = JSON.stringify(about);
  const Key = versionFolder + EDITOR_FILE;
  await s3().send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'application/json' }));
  return `s3://${bucket}/${key}`;
}

const EDITOR_FILE = 'editor.json';

/** The records of a version, and what the editor said of it. */
export async function readVersion(
  { bucket, name }: { bucket: string; name: string },
  version: number,
): Promise<{ records: (ManifestRecord & { name: string | undefined })[] } & EditorTexts> {
  const folder = versionFolderOf(name, version);
  const key = folder + EDITOR_FILE;
  const [records, keys] = await Promise.all([
    readManifestAt(manifestUri(bucket, name, version)),
    // Older versions have none: what is not there is not asked for. Whoever may not list reads the records all the same.
    keysUnder(bucket, folder).catch((): string[] => []),
  ]);
  const about: Partial<EditorFile> = keys.includes(key) ? JSON.parse(await textAt(bucket, key)) : {};
  const { names = [], triggers = '', subject = '' } = about;
  // The lines of a manifest that was edited by hand are others.
  const isWhole = names.length === records.length;
  return {
    records: records.map((record, index) => ({ ...record, name: isWhole ? names[index] : undefined })),
    ...{ triggers, subject },
  };
}

async function textAt(bucket: string, key: string): Promise<string> {
  const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

async function put(bucket: string, key: string, blob: Blob): Promise<void> {
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
  return `s3://${bucket}/${versionFolderOf(name, version)}train.jsonl`;
}

function versionFolderOf(name: string, version: number): string {
  return `${FOLDER}${name}/versions/${String(version).padStart(VERSION_DIGITS, '0')}/`;
}

export async function fetchPicture(uri: string): Promise<Blob> {
  const { bucket, key } = placeOf(uri);
  const { Body, ContentType } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: ContentType ?? '' });
}
