/** One attempt's process, from its start (by this server or the one before) to its end. */
import type { AttemptExit } from '../domain/training/attempt-policy.ts';
import type { TrainingEvent } from '../domain/training/events.ts';
import type { ComputeLease } from '../ports/compute.ts';
import type { CustomizationJobRow, JobPatch, JobProgress } from '../ports/store-bedrock.ts';
import { phasePatch } from './held-job.ts';
import type { JobContext } from './training-context.ts';

/** A worker that has written its result but does not end is given this long. */
const RESULT_GRACE_SECONDS = 30;

/**
 * Follows the process until none of it is left, whatever it takes.
 * @returns how it ended; `paused` when the server ends: the next one goes on
 * @throws LeaseLost
 */
export async function followAttempt(attempt: number, context: JobContext): Promise<AttemptExit | 'paused'> {
  const { compute, folder, held, settings, time } = context;
  const lease = await compute.find(folder.path(attempt));
  let quietSeconds = 0;
  let quietSinceResultSeconds = 0;
  let wasSilent = false;
  while (lease && (await compute.probe(lease)) === 'alive') {
    if (context.pausing.aborted) {
      await endGently(attempt, lease, 'pause', context);
      await readNewEvents(attempt, context);
      return 'paused';
    }
    const hadNews = await readNewEvents(attempt, context);
    const row = await held.read();
    if (row.status === 'Stopping') {
      await endGently(attempt, lease, 'stop', context);
      break;
    }
    // Counted in polls, not by the clock: a laptop that slept for a night did not hang.
    quietSeconds = hadNews ? 0 : quietSeconds + settings.pollSeconds;
    if (await folder.readResult(attempt)) quietSinceResultSeconds += settings.pollSeconds;
    wasSilent = quietSeconds > settings.silenceSeconds;
    if (wasSilent || quietSinceResultSeconds > RESULT_GRACE_SECONDS) {
      context.log.warn({ jobId: context.job.jobId, attempt, quietSeconds }, 'ending a training that no longer moves');
      await compute.end(lease, settings.stopGraceSeconds);
      break;
    }
    await time.sleep(settings.pollSeconds * 1000, context.pausing);
  }
  await readNewEvents(attempt, context);
  return exitOf(attempt, wasSilent, context);
}

async function exitOf(attempt: number, wasSilent: boolean, context: JobContext): Promise<AttemptExit> {
  const result = await context.folder.readResult(attempt);
  if (!result) {
    if (wasSilent) return { kind: 'silent', seconds: context.settings.silenceSeconds };
    return { kind: 'gone', logTail: await context.folder.logTail(attempt) };
  }
  if (result.status !== 'failed') return { kind: result.status };
  return {
    kind: 'failed',
    message: result.error?.message ?? 'The training gave no reason.',
    userError: result.error?.userError ?? false,
  };
}

/** The stop file first: the worker looks at it once a step. Then signals, until no process is left. */
export async function endGently(
  attempt: number,
  lease: ComputeLease,
  wish: 'stop' | 'pause',
  context: Pick<JobContext, 'compute' | 'folder' | 'settings' | 'time'>,
): Promise<void> {
  const { compute, folder, settings, time } = context;
  await folder.askToStop(attempt, wish);
  const polls = Math.ceil(settings.stopGraceSeconds / settings.pollSeconds);
  for (let poll = 0; poll < polls; poll += 1) {
    if ((await compute.probe(lease)) === 'gone') return;
    await time.sleep(settings.pollSeconds * 1000);
  }
  await compute.end(lease, settings.stopGraceSeconds);
}

/**
 * Takes over what the worker wrote since; state and byte offset change together. What it writes meanwhile is left for the
 * next time: steps that are quicker than a commit would keep a stop waiting for ever.
 * @returns whether there was anything
 */
async function readNewEvents(attempt: number, context: JobContext): Promise<boolean> {
  const { folder, held, job, log } = context;
  let hadNews = false;
  for (;;) {
    const offset = (await held.read()).eventsOffsetBytes;
    const { events, unreadable, nextOffset, isAll } = await folder.readEvents(attempt, offset);
    if (nextOffset === offset) return hadNews;
    hadNews = true;
    if (unreadable > 0) log.warn({ jobId: job.jobId, attempt, unreadable }, 'lines of events.jsonl are no events');
    for (const event of events)
      if (event.type === 'warning') log.warn({ jobId: job.jobId, attempt }, `training: ${event.message}`);
    await held.change((row, now) => eventsPatch(row, events, nextOffset, now));
    if (isAll) return true;
  }
}

function eventsPatch(row: CustomizationJobRow, events: TrainingEvent[], offset: number, now: number): JobPatch {
  const isTraining = events.some(
    event => event.type === 'step' || (event.type === 'phase' && event.phase === 'training'),
  );
  const patch: JobPatch = { ...phasePatch(row, isTraining ? 'training' : 'dataProcessing', now) };
  const progress = events.reduce((before, event) => progressAfter(before, event, row), row.progress);
  const loss = events.findLast(event => event.type === 'step')?.loss;
  return { ...patch, eventsOffsetBytes: offset, progress, ...(loss === undefined ? {} : { trainingLoss: loss }) };
}

function progressAfter(before: JobProgress | null, event: TrainingEvent, row: CustomizationJobRow): JobProgress | null {
  const stepCount = row.resolved.stepCount ?? 0;
  const measured = before?.validationLoss === undefined ? {} : { validationLoss: before.validationLoss };
  switch (event.type) {
    case 'step': {
      const { loss, imagesPerSecond, secondsLeft } = event;
      return { phase: 'training', step: event.step + 1, stepCount, loss, imagesPerSecond, secondsLeft, ...measured };
    }
    case 'evaluation':
      return before && { ...before, validationLoss: event.validationLoss };
    case 'phase': {
      const loss = before?.loss ?? null;
      return {
        phase: event.phase,
        step: event.done,
        stepCount: event.total,
        loss,
        imagesPerSecond: null,
        secondsLeft: null,
        ...measured,
      };
    }
    default:
      return before;
  }
}
