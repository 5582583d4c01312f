/**
 * Validation of a job's data, and bringing it into the run directory: output access, manifest, every image. All that is
 * wrong is told at once. S3 is read with the service role's credentials and nothing else.
 */
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import limits from '../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../domain/fault.ts';
import { type Quotas, quotaText } from '../domain/quotas.ts';
import { checkWordedCaption, withCaptionWords } from '../domain/training/caption-words.ts';
import { type Concept, conceptOf } from '../domain/training/concept.ts';
import { type ImageFacts, readImageFacts } from '../domain/training/image-facts.ts';
import {
  checkImageSize,
  checkPicture,
  checkRecordCount,
  describeErrors,
  evenlySpread,
  MAXIMUM_LINES,
  MAXIMUM_MANIFEST_BYTES,
  type Manifest,
  type ManifestRecord,
  parseManifest,
  parseS3Uri,
  type RecordError,
  unparsable,
} from '../domain/training/manifest.ts';
import type { CustomerData, RoleSession } from '../ports/customer-data.ts';
import type { CustomizationJobRow } from '../ports/store-bedrock.ts';
import { JobFailure } from './job-failure.ts';
import { writeWhole } from './run-folder.ts';

export interface DataContext {
  job: CustomizationJobRow;
  customerData: CustomerData;
  quotas: Pick<Quotas, 'trainingRecords'>;
  role: () => Promise<RoleSession>;
  /** Called now and then while images come in. */
  onProgress(done: number, total: number): void;
  signal: AbortSignal;
}

interface S3Place {
  bucket: string;
  key: string;
}

/** Images fetched at once: S3's latency hides behind it, and memory stays small. */
const PARALLEL_DOWNLOADS = 8;
/** Pictures that a validation loss is measured on at most, evenly spread over the file. */
const MOST_VALIDATION_RECORDS = 32;
/** Relative to the attempt's folder. */
export const VALIDATION_MANIFEST = 'data/validation/manifest.jsonl';

/**
 * Fetches and checks everything, and writes data/manifest.jsonl last: its presence says that the data is complete.
 * @param folder receives `data/`
 * @returns the number of records, and what their captions teach
 * @throws JobFailure with the text for the user; Fault unavailable when S3 itself fails
 */
export async function fetchTrainingData(
  folder: string,
  context: DataContext,
): Promise<{ imageCount: number; concept: Concept }> {
  const { job } = context;
  const source = requireUri(job.trainingDataS3Uri);
  const fileName = source.key.slice(source.key.lastIndexOf('/') + 1);
  await checkRegion(source.bucket, context);
  await checkRegion(requireUri(job.outputDataS3Uri).bucket, context);
  const text = await readManifest(source, fileName, context);
  await checkOutputAccess(context);

  const manifest = worded(parseManifest(text, job.trainingDataS3Uri), job);
  const { lineCount } = manifest;
  const countProblem = checkRecordCount(lineCount);
  // Too many are not fetched to look for more faults; too few are, so that all is told at once.
  if (countProblem !== undefined && lineCount > limits.trainingImages.maximumCount)
    throw new JobFailure(`${countProblem} (${fileName})`);

  const data = join(folder, 'data');
  await rm(data, { recursive: true, force: true });
  const pathsOf = await fetchPictures(manifest, folder, 'data', context);
  if (manifest.errors.length > 0) {
    throw new JobFailure(await tellErrors(manifest, { fileName, lineCount, countProblem }, context), {
      dataErrors: { manifestUri: job.trainingDataS3Uri, errors: manifest.errors },
    });
  }
  if (countProblem !== undefined) throw new JobFailure(`${countProblem} (${fileName})`);

  if (job.validationDataS3Uri) await fetchValidationData(job.validationDataS3Uri, folder, lineCount, context);
  const lines = manifest.records.map(record => JSON.stringify({ ...pathsOf(record), caption: record.caption }));
  const references = manifest.records.map(record => record.imageRef);
  await writeFile(join(data, 'references.json'), JSON.stringify(references), { mode: 0o600 });
  await writeWhole(join(data, 'manifest.jsonl'), `${lines.join('\n')}\n`);
  return { imageCount: lines.length, concept: conceptOf(manifest.records.map(record => record.caption)) };
}

/** The manifest with the job's words in its captions; a caption that grows too long with them becomes an error. */
function worded(manifest: Manifest, job: CustomizationJobRow): Manifest {
  const words = job.resolved.options?.captionWords;
  if (words === undefined) return manifest;
  const records = manifest.records.map(record => ({ ...record, caption: withCaptionWords(record.caption, words) }));
  const tooLong = records.flatMap(({ line, imageRef, caption }) => {
    const reason = checkWordedCaption(caption);
    return reason === undefined ? [] : [{ line, imageRef, reason }];
  });
  return { ...manifest, records, errors: [...manifest.errors, ...tooLong] };
}

/** Checks every line of the validation manifest, and fetches the pictures that will be looked at. */
async function fetchValidationData(
  uri: string,
  folder: string,
  trainingLineCount: number,
  context: DataContext,
): Promise<void> {
  const source = requireUri(uri);
  const fileName = source.key.slice(source.key.lastIndexOf('/') + 1);
  await checkRegion(source.bucket, context);
  const manifest = worded(parseManifest(await readManifest(source, fileName, context), uri), context.job);
  const { lineCount, records, errors, unparsable: isUnparsable } = manifest;
  if (lineCount === 0) throw new JobFailure(`The validation data has no records (${fileName}).`);
  if (lineCount > MAXIMUM_LINES)
    throw new JobFailure(
      `The validation data has ${lineCount} records; at most ${MAXIMUM_LINES} are read (${fileName}).`,
    );
  const limit = context.quotas.trainingRecords;
  if (limit !== null && trainingLineCount + lineCount > limit)
    throw new JobFailure(`${quotaText('trainingRecords', limit, trainingLineCount + lineCount)} (${fileName})`);
  const chosen = evenlySpread(records, MOST_VALIDATION_RECORDS);
  const quietly = { ...context, onProgress: () => undefined };
  const pathsOf = await fetchPictures({ ...manifest, records: chosen }, folder, 'data/validation', quietly);
  if (errors.length > 0)
    throw new JobFailure(describeErrors(errors, { fileName, lineCount, unparsable: isUnparsable }).message, {
      dataErrors: { manifestUri: uri, errors },
    });
  const lines = chosen.map(record => JSON.stringify({ ...pathsOf(record), caption: record.caption }));
  await writeWhole(join(folder, VALIDATION_MANIFEST), `${lines.join('\n')}\n`);
}

/** A worker names images as it knows them (`data/images/17`); the user knows them by their image-ref. */
export async function withImageRefs(message: string, folder: string): Promise<string> {
  const references = await readFile(join(folder, 'data', 'references.json'), 'utf8').then(
    text => JSON.parse(text) as string[],
    () => [],
  );
  return message.replaceAll(/line (\d+) \(data\/images\/\d+\)/g, (found, line: string) => {
    const reference = references[Number(line) - 1];
    return reference === undefined ? found : `line ${line} (${reference})`;
  });
}

/** The records that a message of the worker blames, its images named as the user knows them. */
export function blamedRecords(message: string): RecordError[] {
  return [...message.matchAll(/line (\d+) \((s3:\/\/[^)]*)\) ([^;]+?)(?=;|\.?$)/g)].map(
    ([, line, imageRef = '', reason = '']) => ({ line: Number(line), imageRef, reason }),
  );
}

/** `{outputDataConfig.s3Uri}/model-customization-job-{jobId}/name` (facts §2.9). */
export function outputLocation(job: CustomizationJobRow, name: string): S3Place {
  const { bucket, key } = requireUri(job.outputDataS3Uri);
  return { bucket, key: `${withSlash(key)}model-customization-job-${job.jobId}/${name}` };
}

/** AWS's texts, which clients match on (facts §2.8); why follows where it is no refusal. */
export function putFailureText(bucket: string, key: string, kind: 'denied' | 'notFound'): string {
  const why = kind === 'notFound' ? ': the bucket does not exist' : '';
  return `Amazon S3 perms missing (PutObject): Could not validate PutObject permissions to access S3 bucket: ${bucket} at key ${key}${why}`;
}

function getFailureText(bucket: string, key: string): string {
  return `Could not validate GetObject permissions to access Amazon S3 bucket: ${bucket} at key ${key}`;
}

async function checkRegion(bucket: string, context: DataContext): Promise<void> {
  const session = await context.role();
  const region = await context.customerData.bucketRegion(session, bucket).catch((error: unknown) => {
    // Who may not ask where a bucket is may still read it; a missing one is told by the read itself, in AWS's words.
    if (error instanceof Fault && (error.kind === 'denied' || error.kind === 'notFound')) return context.job.region;
    if (error instanceof Fault && error.kind === 'conflict') return 'another Region';
    throw error;
  });
  if (region !== context.job.region) throw new JobFailure(wrongRegionText(bucket, region, context.job.region));
}

function wrongRegionText(bucket: string, region: string, wanted: string): string {
  return `The Amazon S3 bucket ${bucket} is in ${region}; it must be in the Region of the job, ${wanted}.`;
}

async function readManifest(source: S3Place, fileName: string, context: DataContext): Promise<string> {
  const { bucket, key } = source;
  try {
    return await context.customerData.readText(await context.role(), bucket, key, MAXIMUM_MANIFEST_BYTES);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.kind === 'denied') throw new JobFailure(getFailureText(bucket, key));
    if (error.kind === 'notFound') throw new JobFailure(`${getFailureText(bucket, key)}: it does not exist`);
    if (error.kind === 'invalid')
      throw new JobFailure(
        error.members.sizeBytes === undefined
          ? `${unparsable(fileName)} It is not UTF-8 text.`
          : `Input size exceeded in file ${fileName}: it has ${error.members.sizeBytes} bytes; at most ${MAXIMUM_MANIFEST_BYTES} are allowed.`,
      );
    throw error;
  }
}

/** Writes a probe object, as AWS does, and removes it where the role may; it stays where it may not. */
async function checkOutputAccess(context: DataContext): Promise<void> {
  const output = requireUri(context.job.outputDataS3Uri);
  const key = `${withSlash(output.key)}.write_access_check_file.tmp`;
  const session = await context.role();
  try {
    await context.customerData.write(session, output.bucket, key, '', 'application/octet-stream');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.kind === 'denied' || error.kind === 'notFound')
      throw new JobFailure(putFailureText(output.bucket, key, error.kind));
    throw error;
  }
  await context.customerData.delete(session, output.bucket, key).catch(() => undefined);
}

/** A picture in the run directory: what it is, or why it cannot be used. */
interface Fetched {
  path: string;
  facts: ImageFacts | string;
}

/**
 * Fetches each image and each mask once, however many lines name it, and adds what is wrong to the manifest's errors.
 * @param place below the run directory
 * @returns the members of the worker's manifest that a record's pictures are
 */
async function fetchPictures(manifest: Manifest, folder: string, place: string, context: DataContext) {
  const images = new Map(manifest.records.map(record => [record.imageRef, record]));
  const masks = new Map(
    manifest.records.flatMap(({ line, mask }) => (mask ? [[mask.maskRef, { line, ...mask }]] : [])),
  );
  const total = images.size + masks.size;
  let done = 0;
  const fetchAll = async (kind: 'images' | 'masks', wanted: ReadonlyMap<string, { line: number } & S3Place>) => {
    await mkdir(join(folder, place, kind), { recursive: true, mode: 0o700 });
    const fetched = new Map<string, Fetched>();
    const waiting = [...wanted];
    async function fetchSome(): Promise<void> {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        context.signal.throwIfAborted();
        // A name of ours: a key may hold anything, and its extension says nothing.
        const path = `${place}/${kind}/${next[1].line}`;
        fetched.set(next[0], { path, facts: await fetchPicture(next[1], join(folder, path), context) });
        done += 1;
        context.onProgress(done, total);
      }
    }
    await Promise.all(Array.from({ length: PARALLEL_DOWNLOADS }, fetchSome));
    return fetched;
  };
  const fetchedImages = await fetchAll('images', images);
  const fetchedMasks = await fetchAll('masks', masks);
  const picturesOf = (record: ManifestRecord) => ({
    image: fetchedImages.get(record.imageRef),
    mask: record.mask && fetchedMasks.get(record.mask.maskRef),
  });
  for (const record of manifest.records) {
    const { image, mask } = picturesOf(record);
    const reason = image && checkPicture(image.facts, mask?.facts);
    if (reason !== undefined) manifest.errors.push({ line: record.line, imageRef: record.imageRef, reason });
  }
  // A member that is undefined is left out of the JSON line.
  return (record: ManifestRecord) => {
    const { image, mask } = picturesOf(record);
    return { path: image?.path, mask: mask?.path };
  };
}

/** @returns what the picture is, or why it cannot be used. @throws Fault unavailable when S3 itself fails */
async function fetchPicture(
  { bucket, key }: S3Place,
  path: string,
  context: DataContext,
): Promise<ImageFacts | string> {
  const maximum = limits.trainingImage.maximumSizeBytes;
  try {
    const { sizeBytes } = await context.customerData.download(await context.role(), bucket, key, path, maximum);
    return await readFacts(path, sizeBytes);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.kind === 'denied') return getFailureText(bucket, key);
    if (error.kind === 'notFound') return `${getFailureText(bucket, key)}: it does not exist`;
    if (error.kind === 'conflict') return wrongRegionText(bucket, 'another Region', context.job.region);
    if (error.kind === 'invalid') return checkImageSize(Number(error.members.sizeBytes)) ?? error.message;
    throw error;
  }
}

async function readFacts(path: string, sizeBytes: number): Promise<ImageFacts | string> {
  const file = await open(path);
  try {
    return await readImageFacts(sizeBytes, (position, length) => readAt(file, position, length));
  } finally {
    await file.close();
  }
}

async function readAt(file: Awaited<ReturnType<typeof open>>, position: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** All faults in one failure message; what it has no room for is in a list in the output bucket, which it names. */
async function tellErrors(
  manifest: Manifest,
  facts: { fileName: string; lineCount: number; countProblem: string | undefined },
  context: DataContext,
): Promise<string> {
  const { fileName, lineCount, countProblem } = facts;
  const named = { fileName, lineCount, unparsable: manifest.unparsable };
  const count = countProblem === undefined ? '' : ` ${countProblem}`;
  const whole = describeErrors(manifest.errors, named, count.length);
  if (whole.untold === 0) return `${whole.message}${count}`;
  const list = await writeErrorList(manifest.errors, context);
  return `${describeErrors(manifest.errors, named, count.length + list.length).message}${count}${list}`;
}

/** @returns a sentence that says where the whole list is, or '' where it could not be written */
async function writeErrorList(errors: readonly RecordError[], context: DataContext): Promise<string> {
  const { bucket, key } = outputLocation(context.job, 'validation_artifacts/data_errors.jsonl');
  const lines = [...errors].sort((one, other) => one.line - other.line).map(error => JSON.stringify(error));
  try {
    await context.customerData.write(await context.role(), bucket, key, `${lines.join('\n')}\n`, 'application/jsonl');
    return ` All of them: s3://${bucket}/${key}`;
  } catch {
    return '';
  }
}

function requireUri(uri: string): S3Place {
  const parsed = parseS3Uri(uri);
  if (!parsed) throw new JobFailure(`${uri} is not an S3 URI: write s3://bucket/key.`);
  return parsed;
}

function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
