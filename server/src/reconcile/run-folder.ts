/**
 * The run directories of one job, `runs/<jobId>/<attempt>/` (design.md, decision 6), as the server sees them: it writes
 * spec.json, stop and its own attempt.json; it reads what the worker writes.
 */
import { constants, createReadStream } from 'node:fs';
import { cp, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseEvents, type TrainingEvent } from '../domain/training/events.ts';
import type { StoredFile } from '../ports/model-store.ts';
import type { DataErrors } from '../ports/training-records.ts';

export interface TrainSpec {
  v: 1;
  jobId: string;
  attempt: number;
  baseModelPath: string;
  /** Absent in specs that are older than it. */
  startFromPath?: string | null;
  manifestPath: string;
  outputPath: string;
  method: 'lora' | 'full';
  rank: number;
  alpha: number;
  stepCount: number;
  batchSize: number;
  requestedLearningRate: number;
  learningRate: number;
  learningRateSchedule: 'constant' | 'cosine';
  warmupSteps: number;
  captionDropout: number;
  unconditionalPrior: number;
  minSnrGamma: number | null;
  priorPreservation: number;
  /** These two are absent in specs that are older than them. */
  maskPrompt?: string | null;
  unmaskedWeight?: number;
  resolution: number;
  seed: number;
  checkpointIntervalSteps: number;
  resumeFromPath: string | null;
  /** Absent in specs that are older than it. */
  keptCachePath?: string | null;
  threads: number | null;
  evaluation: EvaluationSpec | null;
}

export interface EvaluationSpec {
  intervalSteps: number;
  validationManifestPath: string | null;
  encoderPath: string | null;
  samplePrompts: string[];
  patience: number | null;
  leastSteps: number;
}

export interface TrainResult {
  status: 'completed' | 'stopped' | 'interrupted' | 'failed';
  stepsDone: number;
  trainingLoss: number | null;
  weights: { path: string; sha256: string; sizeBytes: number }[];
  error: { message: string; userError: boolean } | null;
  trainingSeconds: number;
  imagesSeen: number;
  /** Absent in results that are older than it. */
  peakMemoryBytes?: number | null;
}

/** What the server itself must remember of an attempt; written once, before its start. */
export interface AttemptRecord {
  startedFromStep: number;
  failuresWithoutProgress: number;
  /** Of the pictures and what encodes them, where their cache is kept (training-cache.ts). */
  cacheSha256?: string | null;
}

export interface Checkpoint {
  /** Finished steps. */
  step: number;
  path: string;
}

/** Kept of an ended job: how it went. Images, latents, checkpoints, weights and the base model's copy are not. */
const DATA_ERRORS = 'data-errors.json';
const KEPT_FILES = ['spec.json', 'lease.json', 'attempt.json', 'events.jsonl', 'log.txt', 'result.json', DATA_ERRORS];
const READ_BYTES = 1024 * 1024;
const LOG_TAIL_BYTES = 4000;
/** Below `evaluations/`: what an evaluation drew, and from which prompts and seeds; not its weights. */
const SAMPLE_FILE = /^step-\d{6}\/(sample-\d\d-\d\d\.png|metrics\.json)$/;
/** Moved from attempt to attempt: a worker sees its own run directory only. */
const CARRIED_FOLDERS = ['data', 'base', 'parent', 'encoder', 'kept', 'evaluations'];

export type RunFolder = ReturnType<typeof runFolder>;

/** @param root `runs/<jobId>` */
export function runFolder(root: string) {
  const attemptPath = (attempt: number) => join(root, String(attempt));

  async function attempts(): Promise<number[]> {
    const names = await readdir(root).catch(() => []);
    return names
      .map(Number)
      .filter(number => Number.isInteger(number) && number > 0)
      .toSorted((one, other) => one - other);
  }

  /** Whole or not at all; once for all attempts. @param fill makes the folder that it is given */
  async function makeFolder(attempt: number, name: string, fill: (folder: string) => Promise<void>): Promise<void> {
    const target = join(attemptPath(attempt), name);
    if (await exists(target)) return;
    const temporary = `${target}.tmp`;
    await rm(temporary, { recursive: true, force: true });
    await fill(temporary);
    await rename(temporary, target);
  }

  return {
    path: attemptPath,

    /** Makes an attempt's folder and moves into it what an earlier one fetched. */
    async prepare(attempt: number): Promise<void> {
      const folder = attemptPath(attempt);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const earlier of (await attempts()).filter(number => number < attempt))
        for (const name of CARRIED_FOLDERS)
          if (!(await exists(join(folder, name))) && (await exists(join(attemptPath(earlier), name))))
            await rename(join(attemptPath(earlier), name), join(folder, name));
    },

    hasData: (attempt: number) => exists(join(attemptPath(attempt), 'data', 'manifest.jsonl')),

    /** A private copy, so that nothing that a worker does reaches the original; copy-on-write where the disk can. */
    copyModel: (attempt: number, name: 'base' | 'encoder', path: string) =>
      makeFolder(attempt, name, temporary =>
        cp(path, temporary, { recursive: true, mode: constants.COPYFILE_FICLONE, dereference: true }),
      ),

    makeFolder,

    /** 0 before the first. */
    lastAttempt: async () => (await attempts()).at(-1) ?? 0,

    /** Of all attempts, the complete one (its manifest is written last) with the most steps. */
    async newestCheckpoint(): Promise<Checkpoint | undefined> {
      const found: Checkpoint[] = [];
      for (const attempt of await attempts())
        for (const place of ['checkpoints', 'resume'])
          found.push(...(await checkpointsIn(join(attemptPath(attempt), place))));
      return found.toSorted((one, other) => other.step - one.step)[0];
    },

    /** Moves a checkpoint to where the attempt's worker can see it. @returns its path relative to the run directory */
    async takeOver(attempt: number, checkpoint: Checkpoint): Promise<string> {
      const relative = join('resume', basename(checkpoint.path));
      const target = join(attemptPath(attempt), relative);
      if (checkpoint.path !== target) {
        await mkdir(dirname(target), { recursive: true, mode: 0o700 });
        await rm(target, { recursive: true, force: true });
        await rename(checkpoint.path, target);
      }
      return relative;
    },

    /** The last thing before the start: an attempt without a spec was never begun. */
    async writeSpec(spec: TrainSpec, record: AttemptRecord): Promise<void> {
      await writeWhole(join(attemptPath(spec.attempt), 'attempt.json'), JSON.stringify(record));
      await writeWhole(join(attemptPath(spec.attempt), 'spec.json'), JSON.stringify(spec));
    },

    async readRecord(attempt: number): Promise<AttemptRecord> {
      const record = await readJson<AttemptRecord>(join(attemptPath(attempt), 'attempt.json'));
      return record ?? { startedFromStep: 0, failuresWithoutProgress: 0 };
    },

    readSpec: (attempt: number) => readJson<TrainSpec>(join(attemptPath(attempt), 'spec.json')),

    readResult: (attempt: number) => readJson<TrainResult>(join(attemptPath(attempt), 'result.json')),

    askToStop: (attempt: number, wish: 'stop' | 'pause') => writeWhole(join(attemptPath(attempt), 'stop'), wish),

    /**
     * Events from a byte offset up to the last newline: the torn tail of a line being written is left for later.
     * @returns at most about 1 MiB of lines; `nextOffset` equals `offset` when there is nothing new, and `isAll` tells
     *   whether there was no more when it looked
     */
    async readEvents(
      attempt: number,
      offset: number,
    ): Promise<{ events: TrainingEvent[]; unreadable: number; nextOffset: number; isAll: boolean }> {
      const bytes = await readBytes(join(attemptPath(attempt), 'events.jsonl'), offset, READ_BYTES);
      const end = bytes.lastIndexOf(0x0a) + 1;
      const isAll = bytes.length < READ_BYTES;
      return { ...parseEvents(bytes.toString('utf8', 0, end)), nextOffset: offset + end, isAll };
    },

    /** Events of every attempt, oldest first. */
    async allEvents(): Promise<TrainingEvent[][]> {
      const all: TrainingEvent[][] = [];
      for (const attempt of await attempts()) {
        const text = await readFile(join(attemptPath(attempt), 'events.jsonl'), 'utf8').catch(() => '');
        all.push(parseEvents(text.slice(0, text.lastIndexOf('\n') + 1)).events);
      }
      return all;
    },

    /** What the evaluations drew so far, such as `step-000350/sample-00-00.png`; none before the first. */
    async sampleFiles(): Promise<StoredFile[]> {
      for (const attempt of (await attempts()).toReversed()) {
        const evaluations = join(attemptPath(attempt), 'evaluations');
        const names = (await readdir(evaluations, { recursive: true }).catch(() => [])).filter(name =>
          SAMPLE_FILE.test(name),
        );
        if (names.length === 0) continue;
        return Promise.all(
          names.toSorted().map(async name => {
            const path = join(evaluations, name);
            return { name, sizeBytes: (await stat(path)).size, read: () => createReadStream(path) };
          }),
        );
      }
      return [];
    },

    writeDataErrors: (attempt: number, errors: DataErrors) =>
      writeWhole(join(attemptPath(attempt), DATA_ERRORS), JSON.stringify(errors)),

    /** As the last attempt that met some has them. */
    async readDataErrors(): Promise<DataErrors | undefined> {
      for (const attempt of (await attempts()).toReversed()) {
        const found = await readJson<DataErrors>(join(attemptPath(attempt), DATA_ERRORS));
        if (found) return found;
      }
      return undefined;
    },

    async logTail(attempt: number, maximumBytes = LOG_TAIL_BYTES): Promise<string> {
      const path = join(attemptPath(attempt), 'log.txt');
      const size = await stat(path).then(
        found => found.size,
        () => 0,
      );
      const bytes = await readBytes(path, Math.max(0, size - maximumBytes), maximumBytes);
      return bytes.toString('utf8');
    },

    /** What an ended job leaves: no image, latent, checkpoint or weight (design.md, decision 19). */
    async clean(): Promise<void> {
      for (const attempt of await attempts())
        for (const name of await readdir(attemptPath(attempt)))
          if (!KEPT_FILES.includes(name)) await rm(join(attemptPath(attempt), name), { recursive: true, force: true });
    },
  };
}

/** Writes a file whole or not at all, durably: .tmp, fsync, rename. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.tmp`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}

async function checkpointsIn(folder: string): Promise<Checkpoint[]> {
  const names = await readdir(folder).catch(() => []);
  const found: Checkpoint[] = [];
  for (const name of names) {
    const step = /^step-(\d+)$/.exec(name)?.[1];
    const path = join(folder, name);
    if (step !== undefined && (await exists(join(path, 'manifest.json')))) found.push({ step: Number(step), path });
  }
  return found;
}

async function readBytes(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path).catch(() => undefined);
  if (!file) return Buffer.alloc(0);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
