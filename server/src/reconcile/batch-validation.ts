/** Validating a batch job: its input is listed, fetched with the service role's credentials, read and counted. */
import limits from '../../../contract/limits.json' with { type: 'json' };
import { parseRecord } from '../domain/batch/records.ts';
import { Fault } from '../domain/fault.ts';
import { parseS3Uri } from '../domain/training/manifest.ts';
import type { BatchContext } from './batch-context.ts';
import { linesOf } from './batch-files.ts';
import { JobFailure } from './job-failure.ts';

const FAULTY_LINES_TOLD = 10;
const { maximumFileCount, maximumFileSizeBytes, maximumRecordCount } = limits.batch;

/** @returns false when a stop came first. @throws JobFailure with the text for the user */
export async function validateBatch(context: BatchContext): Promise<boolean> {
  const { job, folder, store, settings, time } = context;
  const now = () => time.now().getTime();
  const isBegun = await store.transaction(rows =>
    rows.batch.advance(job.jobId, { status: 'Validating', lastModifiedAt: now() }),
  );
  if (!isBegun) return false;
  await folder.prepare();
  const source = location(job.input.s3Uri);
  await checkBucket(source.bucket, job.input.bucketOwner, context);
  await checkBucket(location(job.output.s3Uri).bucket, job.output.bucketOwner, context);
  const files = await inputFiles(source, context);
  await checkOutput(context);
  let total = 0;
  const faulty: FaultyLine[] = [];
  for (const [index, name] of files.entries()) {
    context.pausing.throwIfAborted();
    await fetchFile(index, `${source.prefix}${name}`, context);
    for await (const { line, lineNumber } of linesOf(folder.inputPath(index))) {
      total += 1;
      // Here already: the faults of a hundred million lines would take all memory of the server.
      if (total > maximumRecordCount)
        throw new JobFailure(
          `Batch job ${job.jobId} contains more records than the maximum of: ${maximumRecordCount}.`,
        );
      const { problem } = parseRecord(line, total);
      if (problem !== undefined) faulty.push({ file: name, lineNumber, problem });
    }
  }
  if (faulty.length > 0) throw new JobFailure(describeFaulty(faulty, total));
  if (total < settings.minimumRecords)
    throw new JobFailure(
      `Batch job ${job.jobId} contains less records (${total}) than the required minimum of: ${settings.minimumRecords}`,
    );
  const counts = { totalRecordCount: total, processedRecordCount: 0, successRecordCount: 0, errorRecordCount: 0 };
  return store.transaction(rows =>
    rows.batch.advance(job.jobId, { status: 'Scheduled', files, counts, lastModifiedAt: now() }),
  );
}

interface FaultyLine {
  /** Key below the input's folder. */
  file: string;
  lineNumber: number;
  problem: string;
}

/** AWS: validation looks whether each record is a JSON object in the correct format, not at what modelInput holds. */
function describeFaulty(faulty: readonly FaultyLine[], total: number): string {
  const sentences = faulty
    .slice(0, FAULTY_LINES_TOLD)
    .map(({ file, lineNumber, problem }) => `${file}, line ${lineNumber}: ${problem}`);
  const untold = faulty.length - sentences.length;
  const verb = faulty.length === 1 ? 'is' : 'are';
  return `${faulty.length} of ${total} records ${verb} not in the correct format: ${sentences.join(' ')}${untold > 0 ? ` And ${untold} more.` : ''}`;
}

/** @returns a bucket, and the key of its one .jsonl file or the prefix of a folder, which ends with a slash */
function location(uri: string): { bucket: string; key: string; prefix: string } {
  const parsed = parseS3Uri(uri);
  if (!parsed) throw new JobFailure(`${uri} is not an S3 URI: write s3://bucket/key.`);
  const { bucket, key } = parsed;
  if (key.endsWith('.jsonl')) return { bucket, key, prefix: key.slice(0, key.lastIndexOf('/') + 1) };
  return { bucket, key, prefix: key === '' || key.endsWith('/') ? key : `${key}/` };
}

/** Where a file of the job's output goes (bedrock-facts.md §8): below the job's id. */
export function batchOutput(job: BatchContext['job'], name: string): { bucket: string; key: string } {
  const { bucket, key } = parseS3Uri(job.output.s3Uri) ?? { bucket: '', key: '' };
  const prefix = key === '' || key.endsWith('/') ? key : `${key}/`;
  return { bucket, key: `${prefix}${job.jobId}/${name}` };
}

async function checkBucket(bucket: string, owner: string | null, context: BatchContext): Promise<void> {
  const session = await context.role();
  const wanted = context.job.region;
  const region = await context.customerData
    .bucketRegion(session, bucket, owner ?? undefined)
    .catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      if (error.kind === 'denied' && owner !== null)
        throw new JobFailure(
          `The Amazon S3 bucket ${bucket} is not owned by ${owner} (s3BucketOwner), or the role may not ask.`,
        );
      // A missing bucket is told by the read or write itself.
      if (error.kind === 'denied' || error.kind === 'notFound') return wanted;
      if (error.kind === 'conflict') return 'another Region';
      throw error;
    });
  if (region !== wanted)
    throw new JobFailure(
      `The Amazon S3 bucket ${bucket} is in ${region}; it must be in the Region of the job, ${wanted}.`,
    );
}

/** Names below the prefix, in S3's order. */
async function inputFiles(
  source: { bucket: string; key: string; prefix: string },
  context: BatchContext,
): Promise<string[]> {
  const { bucket, key, prefix } = source;
  if (key.endsWith('.jsonl')) return [key.slice(prefix.length)];
  const listed = await context.customerData
    .list(await context.role(), bucket, prefix, maximumFileCount * 10)
    .catch((error: unknown) => {
      throw told(error, `The role could not list s3://${bucket}/${prefix} (s3:ListBucket)`);
    });
  const files = listed.filter(object => object.key.endsWith('.jsonl')).map(object => object.key.slice(prefix.length));
  if (files.length === 0) throw new JobFailure(`There is no .jsonl file at s3://${bucket}/${prefix}.`);
  if (files.length > maximumFileCount)
    throw new JobFailure(
      `s3://${bucket}/${prefix} has ${files.length} .jsonl files; at most ${maximumFileCount} are allowed.`,
    );
  return files;
}

async function fetchFile(index: number, key: string, context: BatchContext): Promise<void> {
  const { customerData, folder, job } = context;
  const { bucket } = location(job.input.s3Uri);
  await customerData
    .download(await context.role(), bucket, key, folder.inputPath(index), maximumFileSizeBytes)
    .catch((error: unknown) => {
      throw told(error, `The role could not read s3://${bucket}/${key} (s3:GetObject)`);
    });
}

/** Told before hours of drawing rather than after them. */
async function checkOutput(context: BatchContext): Promise<void> {
  const { bucket, key } = batchOutput(context.job, '.write_access_check_file.tmp');
  const session = await context.role();
  await context.customerData.write(session, bucket, key, '', 'application/octet-stream').catch((error: unknown) => {
    throw told(error, `The role could not write s3://${bucket}/${key} (s3:PutObject)`);
  });
  await context.customerData.delete(session, bucket, key).catch(() => undefined);
}

/** A refusal of S3's as the job's end; anything else as it is, to be tried again. */
export function told(error: unknown, what: string): unknown {
  if (!(error instanceof Fault)) return error;
  if (error.kind === 'notFound') return new JobFailure(`${what}: it does not exist.`);
  if (error.kind === 'denied') return new JobFailure(`${what}: access is denied.`);
  return error.kind === 'invalid' || error.kind === 'conflict' ? new JobFailure(error.message) : error;
}
