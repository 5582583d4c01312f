/**
 * Drawing a batch job's records, one after another on a unit of its own. A record is done when its line of output is on
 * the disk and its row says so, in this order: after a crash the line that the row does not know of yet is taken over, so
 * that no record is missing and none is there twice.
 */
import { timedOut } from '../domain/batch/batch-status.ts';
import {
  batchManifest,
  outputLine,
  parseRecord,
  type RecordCounts,
  type RecordError,
} from '../domain/batch/records.ts';
import { Fault } from '../domain/fault.ts';
import { foundationModelArn } from '../domain/foundation-model.ts';
import { imageAnswer } from '../domain/image-answer.ts';
import { imageVariant } from '../domain/usage.ts';
import type { ImageRequest, InvokeAnswer } from '../ports/inference.ts';
import type { BatchJobRow, BatchPosition } from '../ports/store-batch.ts';
import type { BatchContext } from './batch-context.ts';
import { linesOf } from './batch-files.ts';
import { batchOutput, told } from './batch-validation.ts';
import { JobFailure } from './job-failure.ts';
import { isLoss, type PooledUnit, type PoolRequest } from './unit-pool.ts';
import { type ServedModel, startUnits } from './unit-start.ts';

const HOUR_MILLISECONDS = 60 * 60 * 1000;
const YIELD_POLL_SECONDS = 0.2;
/** A unit that dies under the same record so often is that record's fault. */
const MAXIMUM_TRIES = 2;

/** Why the drawing ended; `paused`: the server ends, and the next one goes on. */
type DrawingEnd = 'drawn' | 'stopping' | 'timedOut' | 'paused';

export function isOverdue(job: BatchJobRow, now: number): boolean {
  return now >= job.createdAt + job.timeoutHours * HOUR_MILLISECONDS;
}

/** From Scheduled, or from where a crash or a pause left the job, to its end. @throws JobFailure */
export async function drawBatch(context: BatchContext): Promise<void> {
  const { job, store, time } = context;
  const now = () => time.now().getTime();
  await store.transaction(rows => rows.batch.advance(job.jobId, { status: 'InProgress', lastModifiedAt: now() }));
  const unit = batchUnit(context);
  let end: DrawingEnd;
  try {
    end = await drawRecords(unit, context);
  } finally {
    await unit.stop();
  }
  if (end !== 'paused') await finishBatch(end, context);
}

/** Delivers what is drawn, and ends the job. @throws JobFailure where the output cannot be written */
export async function finishBatch(end: Exclude<DrawingEnd, 'paused'>, context: BatchContext): Promise<void> {
  const { job, store, folder, time, customerData } = context;
  const row = await store.read(rows => rows.batch.byId(job, job.jobId));
  const counts = row?.counts ?? null;
  if (row?.files && counts && counts.processedRecordCount > 0) {
    for (const [index, name] of row.files.slice(0, row.position.file + 1).entries()) {
      const { bucket, key } = batchOutput(job, `${name}.out`);
      // A line that the row does not know of is in no count: it was drawn in the moment of a crash, before a stop.
      if (index === row.position.file) await folder.cut(index, row.position.outputOffsetBytes);
      const { encryptionKeyId } = job.output;
      await customerData
        .upload(
          await context.role(),
          bucket,
          key,
          folder.outputPath(index),
          'application/jsonl',
          encryptionKeyId ?? undefined,
        )
        .catch((error: unknown) => {
          throw told(error, `The role could not write s3://${bucket}/${key} (s3:PutObject)`);
        });
    }
    const { bucket, key } = batchOutput(job, 'manifest.json.out');
    await customerData
      .write(await context.role(), bucket, key, batchManifest(counts), 'application/json')
      .catch((error: unknown) => {
        throw told(error, `The role could not write s3://${bucket}/${key} (s3:PutObject)`);
      });
  }
  const ends = {
    drawn: 'Completed',
    stopping: 'Stopped',
    timedOut: timedOut(counts?.processedRecordCount ?? 0),
  } as const;
  const message =
    end === 'timedOut' ? `The job timed out after ${job.timeoutHours} hours (timeoutDurationInHours).` : null;
  await store.transaction(rows =>
    rows.batch.end(job.jobId, { status: ends[end], message, endedAt: time.now().getTime() }),
  );
  await folder.delete();
}

async function drawRecords(unit: ReturnType<typeof batchUnit>, context: BatchContext): Promise<DrawingEnd> {
  const { job, folder, store } = context;
  const row = await store.read(rows => rows.batch.byId(job, job.jobId));
  if (!row?.files || !row.counts) throw new Fault('internal', `batch job ${job.jobId} was not validated`);
  let { counts, position } = row;
  for (let file = position.file; file < row.files.length; file += 1) {
    if (file > position.file) position = { file, inputOffsetBytes: 0, outputOffsetBytes: 0 };
    let tail = await folder.takeTail(file, position.outputOffsetBytes);
    for await (const { line, endBytes } of linesOf(folder.inputPath(file), position.inputOffsetBytes)) {
      const before = tail === undefined ? await mayGoOn(context) : 'go';
      if (before !== 'go') return before;
      const number = counts.processedRecordCount + 1;
      const output = tail ?? (await draw(line, number, unit, context));
      const size: number =
        tail === undefined ? await folder.append(file, output) : position.outputOffsetBytes + Buffer.byteLength(output);
      tail = undefined;
      const result = JSON.parse(output) as RecordResult;
      counts = counted(counts, result);
      position = { file, inputOffsetBytes: endBytes, outputOffsetBytes: size };
      await keep(counts, position, result, context);
    }
  }
  return 'drawn';
}

async function keep(
  counts: RecordCounts,
  position: BatchPosition,
  result: RecordResult,
  context: BatchContext,
): Promise<void> {
  const { job, store, time } = context;
  const usage = drawnIn(result, context);
  const isKept = await store.transaction(async rows => {
    const isRecorded = await rows.batch.recordProgress(job.jobId, { counts, position });
    if (isRecorded && usage) await rows.usage.count(usage.key, usage.imageCount, time.now().getTime());
    return isRecorded;
  });
  if (!isKept) throw new Fault('internal', `batch job ${job.jobId} ended while it was drawn`);
  context.roomWaits.delete(job.jobArn);
}

/** Looks at the clock, the row and the server; then lets on-demand requests go first, for a while. */
async function mayGoOn(context: BatchContext): Promise<'go' | Exclude<DrawingEnd, 'drawn'>> {
  const { job, store, time, settings, pausing } = context;
  for (let waited = 0; context.isServing() && waited < settings.yieldSeconds; waited += YIELD_POLL_SECONDS) {
    if (pausing.aborted) return 'paused';
    await time.sleep(YIELD_POLL_SECONDS * 1000, pausing);
  }
  if (pausing.aborted) return 'paused';
  const row = await store.read(rows => rows.batch.byId(job, job.jobId));
  if (row?.status === 'Stopping') return 'stopping';
  return isOverdue(row ?? job, time.now().getTime()) ? 'timedOut' : 'go';
}

/** @returns the record's line of output */
async function draw(
  line: string,
  number: number,
  unit: ReturnType<typeof batchUnit>,
  context: BatchContext,
): Promise<string> {
  const record = parseRecord(line, number);
  const failed = (error: RecordError) => outputLine(record, { error });
  if (record.problem !== undefined) return failed({ errorCode: 400, errorMessage: record.problem });
  try {
    const body = new TextEncoder().encode(JSON.stringify(record.modelInput));
    const request = context.readRequest(body, context.job.tasks);
    const requestId = `${context.job.jobId}-${number}`;
    const drawn = await unit.draw({ requestId, ...request });
    return outputLine(record, { modelOutput: imageAnswer(await signed(drawn, request, context)) });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.kind === 'invalid' || error.kind === 'unsupported')
      return failed({ errorCode: 400, errorMessage: error.message });
    if (context.pausing.aborted) throw error;
    if (error.kind === 'modelTimeout') return failed({ errorCode: 408, errorMessage: error.message });
    if (error.kind === 'modelError') return failed({ errorCode: 424, errorMessage: error.message });
    throw error;
  }
}

function signed(drawn: InvokeAnswer, request: ImageRequest, { job, contentCredentials }: BatchContext) {
  const { region, baseModelId, customModelArn } = job;
  return contentCredentials.sign(drawn, {
    ...{ task: request.task, inputImageCount: request.images.length },
    ...{ baseModelId, modelArn: customModelArn ?? foundationModelArn(region, baseModelId) },
  });
}

/** A line of output, read again: after a crash it is all that is left of the drawing. */
interface RecordResult {
  modelInput?: unknown;
  modelOutput?: { images: string[] };
}

/** What the ledger is told of a record; nothing of one that failed. */
function drawnIn({ modelInput, modelOutput }: RecordResult, { job, readRequest }: BatchContext) {
  if (modelOutput === undefined) return undefined;
  const request = readRequest(new TextEncoder().encode(JSON.stringify(modelInput)), job.tasks);
  const { accountId, region, jobArn: resourceArn } = job;
  const key = { accountId, region, resourceArn, dimension: 'imagesDrawn', variant: imageVariant(request) } as const;
  return { key, imageCount: modelOutput.images.length };
}

function counted(counts: RecordCounts, result: RecordResult): RecordCounts {
  const isError = result.modelOutput === undefined;
  return {
    ...counts,
    processedRecordCount: counts.processedRecordCount + 1,
    successRecordCount: counts.successRecordCount + (isError ? 0 : 1),
    errorRecordCount: counts.errorRecordCount + (isError ? 1 : 0),
  };
}

/** The job's own unit: started at its first record, anew where it dies. */
function batchUnit(context: BatchContext) {
  let pooled: PooledUnit | undefined;

  async function ready(): Promise<PooledUnit> {
    if (pooled) return pooled;
    const [started] = await load(await servedModel(context));
    if (!started) throw new Fault('unavailable', 'No model unit started.');
    pooled = started;
    return pooled;
  }

  /** A process may be killed while it loads, as while it draws: once is no fault of the model's. */
  async function load(model: ServedModel): Promise<PooledUnit[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await startUnits(model, 1, context, context.pausing);
      } catch (error) {
        if (!(error instanceof Fault) || error.kind === 'unavailable' || context.pausing.aborted) throw error;
        if (tries >= MAXIMUM_TRIES || !isLoss(error)) throw new JobFailure(error.message, { cause: error });
      }
    }
  }

  async function stop(): Promise<void> {
    await pooled?.unit.stop(0).catch(() => undefined);
    pooled = undefined;
  }

  return {
    stop,
    async draw(request: PoolRequest): Promise<InvokeAnswer> {
      for (let tries = 1; ; tries += 1) {
        const { unit, adapterId } = await ready();
        try {
          return await unit.invoke({ ...request, adapterId }, context.pausing);
        } catch (error) {
          if (!isLoss(error)) throw error;
          await stop();
          if (context.pausing.aborted || tries >= MAXIMUM_TRIES) throw error;
        }
      }
    },
  };
}

async function servedModel({ job, store }: BatchContext): Promise<ServedModel> {
  const { baseModelId, customModelArn } = job;
  if (customModelArn === null) return { baseModelId, custom: null };
  const model = await store.read(rows => rows.bedrock.modelByArn(customModelArn));
  if (!model) throw new JobFailure(`The custom model ${customModelArn} does not exist (any more).`);
  return { baseModelId, custom: model };
}
