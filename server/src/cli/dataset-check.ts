import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { namesTrigger } from '../domain/training/caption-words.ts';
import { conceptOf } from '../domain/training/concept.ts';
import { type ImageFacts, readImageFacts } from '../domain/training/image-facts.ts';
import {
  checkImageSize,
  checkPicture,
  checkRecordCount,
  evenlySpread,
  type ManifestRecord,
  parseManifest,
  parseS3Uri,
  type RecordError,
} from '../domain/training/manifest.ts';
import { CliFailure } from './failure.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';

const run = promisify(execFile);
const workerFolder = resolve(import.meta.dirname, '../../../worker');

/** What an image-ref or a mask-ref names. */
type Place = Pick<ManifestRecord, 'bucket' | 'key'>;

/** Where the bytes behind it come from. */
interface Images {
  /** @returns undefined when there is no such image */
  sizeBytes(place: Place): Promise<number | undefined>;
  bytes(place: Place, position: number, length: number): Promise<Uint8Array>;
}

const READS_AT_ONCE = 8;
const MOST_LINES_NAMED = 20;
const MOST_PICTURES_LOOKED_AT = 32;

/** Checks a data set by the rules of the training job, without a job: every line, and every image that it names. */
export async function datasetCheck(
  place: string,
  options: { images?: string; trigger?: string },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { text, uri, images, files } = place.startsWith('s3://')
    ? await openS3(place, environment)
    : await openLocal(place, options.images);
  const manifest = parseManifest(text, uri);
  const errors: RecordError[] = [...manifest.errors];
  await inParallel(manifest.records, READS_AT_ONCE, async record => {
    const mask = record.mask && (await factsOf(record.mask, images));
    const reason = checkPicture(await factsOf(record, images), mask);
    if (reason) errors.push({ line: record.line, imageRef: record.imageRef, reason });
  });
  const count = manifest.records.length + manifest.errors.length;
  const countProblem = checkRecordCount(count);
  for (const { line, imageRef, reason } of errors.sort((left, right) => left.line - right.line))
    console.log(`line ${line}${imageRef === undefined ? '' : ` (${imageRef})`}: ${reason}`);
  if (countProblem) console.log(countProblem);
  if (errors.length > 0 || countProblem)
    throw new CliFailure(`${errors.length} of ${count} records of ${place} cannot be trained on.`);
  if (options.trigger) tellUntriggered(manifest.records, options.trigger.trim());
  if (conceptOf(manifest.records.map(({ caption }) => caption)) === 'style')
    console.log(
      'What the captions share names a style: a job trains it as one, unless its hyperparameter concept says subject.',
    );
  await tellPhotographs(manifest.records, files, environment);
  console.log(`${place}: ${count} records, all good.`);
}

/** Says so where a data set is photographic: the embedded model can only draw it. The worker looks at the pictures. */
async function tellPhotographs(
  records: readonly ManifestRecord[],
  files: (records: readonly ManifestRecord[], folder: string) => Promise<string[]>,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { pythonPath } = settings({}, environment);
  // Without a worker nothing is said here; the job's log says it then.
  if (!existsSync(pythonPath)) return;
  const folder = await mkdtemp(join(tmpdir(), 'likeness-dataset-'));
  try {
    const looked = evenlySpread(records, MOST_PICTURES_LOOKED_AT);
    const looking = run(pythonPath, ['-m', 'likeness_worker', 'photographs'], { cwd: workerFolder });
    looking.child.stdin?.end((await files(looked, folder)).join('\n'));
    // A picture that has a header and does not decode is the job's to name: this looks at a few only.
    const { stdout } = await looking.catch(() => ({ stdout: '' }));
    if (stdout.trim() !== '') console.log(`For a job on likeness.art-v1: ${stdout.trim()}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names the captions without the trigger word: what they show is not learnt under the subject's name. */
function tellUntriggered(records: readonly ManifestRecord[], triggerWord: string): void {
  const lines = records.filter(({ caption }) => !namesTrigger(caption, triggerWord)).map(({ line }) => line);
  if (lines.length === 0) return;
  const named = lines.slice(0, MOST_LINES_NAMED).join(', ');
  console.log(
    `${lines.length} of ${records.length} captions do not name "${triggerWord}" (line ${named}${lines.length > MOST_LINES_NAMED ? ', …' : ''}): ` +
      'the hyperparameter triggerWord, or dataset build --trigger, puts it in front of them.',
  );
}

/** @returns what a picture is, or why it cannot be used */
async function factsOf(place: Place, images: Images): Promise<ImageFacts | string> {
  const sizeBytes = await images.sizeBytes(place);
  if (sizeBytes === undefined) return 'does not exist';
  const read = (position: number, length: number) => images.bytes(place, position, length);
  return checkImageSize(sizeBytes) ?? (await readImageFacts(sizeBytes, read));
}

async function openLocal(place: string, imagesOption: string | undefined) {
  const path = await manifestPath(resolve(place));
  const folder = resolve(imagesOption ?? dirname(path));
  const images = new Set(await readdir(folder));
  // A local data set is checked before its upload: the last part of the key is the file's name.
  const fileOf = (place: Place) => {
    const name = basename(place.key);
    return images.has(name) ? join(folder, name) : undefined;
  };
  return {
    text: await readFile(path, 'utf8'),
    uri: `s3://YOUR-BUCKET/${basename(path)}`,
    files: async (records: readonly ManifestRecord[]) => records.flatMap(record => fileOf(record) ?? []),
    images: {
      async sizeBytes(place: Place) {
        const file = fileOf(place);
        return file === undefined ? undefined : (await stat(file)).size;
      },
      async bytes(place: Place, position: number, length: number) {
        const file = await open(fileOf(place) ?? '');
        try {
          const bytes = Buffer.alloc(length);
          const { bytesRead } = await file.read(bytes, 0, length, position);
          return bytes.subarray(0, bytesRead);
        } finally {
          await file.close();
        }
      },
    },
  };
}

async function manifestPath(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry) throw new CliFailure(`there is nothing at ${shownPath(path)}.`);
  if (entry.isFile()) return path;
  const manifests = (await readdir(path)).filter(name => name.endsWith('.jsonl'));
  const only = manifests.includes('train.jsonl') ? 'train.jsonl' : manifests[0];
  if (only === undefined || (manifests.length > 1 && only !== 'train.jsonl'))
    throw new CliFailure(
      `${path} holds ${manifests.length} .jsonl files and no train.jsonl: name the manifest, or make one with likeness dataset build.`,
    );
  return join(path, only);
}

async function openS3(uri: string, environment: NodeJS.ProcessEnv) {
  const place = parseS3Uri(uri);
  if (!place?.key)
    throw new CliFailure(`${uri} names no manifest: write s3://bucket/key, e.g. s3://my-bucket/data/train.jsonl.`);
  const client = new S3Client({
    region: environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1',
    // Bucket names are no host names on a machine of one's own.
    forcePathStyle: true,
  });
  const read = async (bucket: string, key: string, range?: string) => {
    const answer = await client.send(
      new GetObjectCommand({ Bucket: bucket, Key: key, ...(range === undefined ? {} : { Range: range }) }),
    );
    return (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
  };
  const text = await read(place.bucket, place.key).catch(error => {
    const endpoint = environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL ?? 'AWS itself';
    throw new CliFailure(
      `${uri} cannot be read from ${endpoint}: ${(error as Error).name}: ${(error as Error).message}`,
    );
  });
  return {
    text: Buffer.from(text).toString('utf8'),
    uri,
    async files(records: readonly ManifestRecord[], folder: string) {
      const paths = records.map((_, index) => join(folder, String(index)));
      await inParallel([...records.entries()], READS_AT_ONCE, async ([index, { bucket, key }]) =>
        writeFile(join(folder, String(index)), await read(bucket, key)),
      );
      return paths;
    },
    images: {
      async sizeBytes({ bucket, key }: Place) {
        const answer = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).catch(() => undefined);
        return answer?.ContentLength;
      },
      bytes: ({ bucket, key }: Place, position: number, length: number) =>
        length === 0
          ? Promise.resolve(new Uint8Array())
          : read(bucket, key, `bytes=${position}-${position + length - 1}`),
    },
  };
}

async function inParallel<Item>(items: readonly Item[], lanes: number, work: (item: Item) => Promise<void>) {
  let next = 0;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
    }),
  );
}
