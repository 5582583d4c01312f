import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import limits from '../../../contract/limits.json' with { type: 'json' };
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
import { captionsFileOf, factsOfFile, fileOfKey, filesBelow, isCaptionsFile, isPictureName } from './picture-files.ts';
import { settings } from './settings.ts';
import { shownPath } from './shown-path.ts';

const run = promisify(execFile);
const workerFolder = resolve(import.meta.dirname, '../../../worker');

/** What an image-ref or a mask-ref names. */
type Place = Pick<ManifestRecord, 'bucket' | 'key'>;

/** A manifest, and what it names. */
interface DataSet {
  text: string;
  uri: string;
  /** @returns what a picture is, or why it cannot be used */
  facts(place: Place): Promise<ImageFacts | string>;
  /** @param folder for those that are not on this disk. @returns where the pictures of records lie */
  files(records: readonly ManifestRecord[], folder: string): Promise<string[]>;
}

const MANIFEST = 'train.jsonl';
const READS_AT_ONCE = 8;
const MOST_LINES_NAMED = 20;
const MOST_PICTURES_LOOKED_AT = 32;

/** Checks a data set by the rules of the training job, without a job: every line, and every image that it names. */
export async function datasetCheck(
  place: string,
  options: { images?: string; trigger?: string },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const { text, uri, facts, files } = place.startsWith('s3://')
    ? await openS3(place, environment)
    : await openLocal(place, options.images);
  const manifest = parseManifest(text, uri);
  const errors: RecordError[] = [...manifest.errors];
  await inParallel(manifest.records, READS_AT_ONCE, async record => {
    const mask = record.mask && (await facts(record.mask));
    const reason = checkPicture(await facts(record), mask);
    if (reason) errors.push({ line: record.line, imageRef: record.imageRef, reason });
  });
  const count = manifest.lineCount;
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
  files: DataSet['files'],
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

async function openLocal(place: string, imagesOption: string | undefined): Promise<DataSet> {
  const path = await manifestPath(resolve(place));
  const text = await readFile(path, 'utf8');
  refuseCaptions(basename(path), text, shownPath(path), shownPath(dirname(path)));
  const folder = resolve(imagesOption ?? dirname(path));
  // A local data set is checked before its upload.
  const images = new Set(await readdir(folder, { recursive: true }));
  const fileOf = ({ key }: Place) => {
    const name = fileOfKey(key, images);
    return name === undefined ? undefined : join(folder, name);
  };
  return {
    text,
    uri: `s3://YOUR-BUCKET/${basename(path)}`,
    files: async records => records.flatMap(record => fileOf(record) ?? []),
    async facts(place) {
      const file = fileOf(place);
      return file === undefined ? 'does not exist' : await factsOfFile(file);
    },
  };
}

async function manifestPath(path: string): Promise<string> {
  const shown = shownPath(path);
  const entry = await stat(path).catch(() => undefined);
  if (!entry) throw new CliFailure(`there is nothing at ${shown}.`);
  if (entry.isFile()) return path;
  const names = (await readdir(path)).sort();
  if (names.includes(MANIFEST)) return join(path, MANIFEST);
  const captions = captionsFileOf(names);
  const others = names.filter(name => name.endsWith('.jsonl') && name !== captions);
  if (others.length === 1) return join(path, others[0] ?? '');
  if (others.length > 1)
    throw new CliFailure(`${shown} holds ${others.length} .jsonl files and no ${MANIFEST}: name the manifest.`);
  if (captions !== undefined) return join(path, captions);
  throw new CliFailure(
    filesBelow(path).some(isPictureName)
      ? `${shown} holds pictures and no ${MANIFEST}: make one. ${buildLine(shown)}`
      : `${shown} holds neither a ${MANIFEST} nor pictures. Put at least ${limits.trainingImages.minimumCount} pictures ` +
          `(JPEG or PNG) into it, a caption each in a .txt of its name, and make one. ${buildLine(shown)}`,
  );
}

/** @throws CliFailure for what dataset build takes, and a job does not */
function refuseCaptions(name: string, text: string, shown: string, folder: string): void {
  if (!isCaptionsFile(name, text)) return;
  throw new CliFailure(`${shown} is a captions file: make a manifest of it first. ${buildLine(folder)}`);
}

function buildLine(folder: string): string {
  return `Run: npx --no-install likeness dataset build ${folder} --s3-prefix s3://YOUR-BUCKET/FOLDER`;
}

async function openS3(place: string, environment: NodeJS.ProcessEnv): Promise<DataSet> {
  const named = parseS3Uri(place);
  if (!named)
    throw new CliFailure(`${place} is no S3 URI: write s3://bucket/key, e.g. s3://my-bucket/data/${MANIFEST}.`);
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
  const told = (error: Error) => {
    const endpoint = environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL ?? 'AWS itself';
    throw new CliFailure(`${place} cannot be read from ${endpoint}: ${error.name}: ${error.message}`);
  };
  const readText = (key: string) =>
    read(named.bucket, key).catch((error: Error) => (error.name === 'NoSuchKey' ? undefined : told(error)));
  const { bucket } = named;
  const isFolder = named.key === '' || named.key.endsWith('/');
  const inFolder = isFolder ? named.key + MANIFEST : `${named.key}/${MANIFEST}`;
  const given = isFolder ? undefined : await readText(named.key);
  const bytes = given ?? (await readText(inFolder));
  if (bytes === undefined)
    throw new CliFailure(
      `there is no ${isFolder ? '' : `s3://${bucket}/${named.key} and no `}s3://${bucket}/${inFolder}: name the manifest, ` +
        'or upload what dataset build made.',
    );
  const uri = `s3://${bucket}/${given === undefined ? inFolder : named.key}`;
  const text = Buffer.from(bytes).toString('utf8');
  refuseCaptions(basename(uri), text, uri, 'FOLDER-OF-YOUR-PICTURES');
  return {
    text,
    uri,
    async files(records, folder) {
      const paths = records.map((_, index) => join(folder, String(index)));
      await inParallel([...records.entries()], READS_AT_ONCE, async ([index, { bucket, key }]) =>
        writeFile(join(folder, String(index)), await read(bucket, key)),
      );
      return paths;
    },
    async facts({ bucket, key }) {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).catch(() => undefined);
      if (head === undefined) return 'does not exist';
      const sizeBytes = head.ContentLength ?? 0;
      const readPart = async (position: number, length: number) =>
        // S3 knows no empty range.
        length === 0 ? new Uint8Array() : await read(bucket, key, `bytes=${position}-${position + length - 1}`);
      return checkImageSize(sizeBytes) ?? (await readImageFacts(sizeBytes, readPart));
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
