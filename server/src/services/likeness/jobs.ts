/** How a training goes and what to make of it: what GetModelCustomizationJob has no fields for. */
import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import { advise } from '../../domain/training/advice.ts';
import { evaluationsOf, type TrainingEvent, warningsOf } from '../../domain/training/events.ts';
import type { CustomizationJobRow } from '../../ports/store-bedrock.ts';
import type { LikenessDependencies } from './dependencies.ts';

type Dependencies = Pick<LikenessDependencies, 'store' | 'time' | 'trainingRecords' | 'status' | 'roomWaits'>;

/** Of jobs that AWS's operations show InProgress, with no member to say why they stand still. */
const NO_ROOM =
  "The service's disk or its quota is full. The job keeps what it has done, and goes on by itself once there is room: free some space.";

const POLL_SECONDS = 1;
const LOG_BYTES = 64 * 1024;
const MOST_DATA_ERRORS = 100;
/** Then the client asks again, and is authorised again. */
const LONGEST_STREAM_SECONDS = 900;

export function jobRoutes(deps: Dependencies): Route[] {
  const { trainingRecords } = deps;
  const { authorize, required } = jobOfRoute(deps);

  return [
    {
      method: 'GET',
      path: '/waiting-jobs',
      action: 'ListWaitingJobs',
      async handle(_, { accountId, region }) {
        const unfinished = await deps.store.read(async ({ bedrock, batch }) => [
          ...(await bedrock.listUnfinishedJobs()),
          ...(await batch.listUnfinished()),
        ]);
        const waiting = unfinished.filter(
          job => deps.roomWaits.has(job.jobArn) && job.accountId === accountId && job.region === region,
        );
        return { json: { waitingJobs: waiting.map(({ jobArn }) => ({ jobArn, reason: NO_ROOM })) } };
      },
    },
    {
      method: 'GET',
      path: '/jobs/{jobId}/advice',
      action: 'GetJobAdvice',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const attempts = await trainingRecords.attempts(job.jobId);
        const evaluations = evaluationsOf(attempts);
        const applied = await trainingRecords.applied(job);
        return {
          json: {
            jobArn: job.jobArn,
            modelArn: job.customModelArn,
            status: job.status,
            ...advise(evaluations, job.resolved),
            warnings: warningsOf(attempts),
            hyperParameters: { given: job.hyperParameters, applied: applied ?? null },
            evaluations: evaluations.map(shown),
          },
        };
      },
    },
    {
      method: 'GET',
      path: '/jobs/{jobId}/events',
      action: 'StreamJobEvents',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const from = readPosition(input.query.get('after'));
        return {
          headers: { 'content-type': 'text/event-stream' },
          stream: follow(job, from, deps),
        };
      },
    },
    {
      method: 'GET',
      path: '/jobs/{jobId}/log',
      action: 'GetJobLog',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        return { json: { attempt: job.attempt, log: await trainingRecords.log(job.jobId, job.attempt, LOG_BYTES) } };
      },
    },
    {
      method: 'GET',
      path: '/jobs/{jobId}/data-errors',
      action: 'ListJobDataErrors',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const { manifestUri = null, errors = [] } = (await trainingRecords.dataErrors(job.jobId)) ?? {};
        const after = readCount(input.query, 'after', { minimum: 0, maximum: 1e9, otherwise: 0 });
        const most = readCount(input.query, 'maxResults', { minimum: 1, maximum: 1000, otherwise: MOST_DATA_ERRORS });
        const rest = errors.toSorted((one, other) => one.line - other.line).filter(({ line }) => line > after);
        const shownErrors = rest.slice(0, most);
        const next = rest.length > most ? shownErrors.at(-1)?.line : undefined;
        return { json: { manifestUri, count: errors.length, errors: shownErrors, nextAfter: next ?? null } };
      },
    },
  ];
}

/** The job that `{jobId}` of a route names, in the caller's account and Region. */
export function jobOfRoute({ store }: Pick<LikenessDependencies, 'store'>) {
  function find(input: RouteInput, ctx: RequestContext): Promise<CustomizationJobRow | undefined> {
    const scope = { accountId: ctx.accountId, region: ctx.region };
    return store.read(rows => rows.bedrock.jobById(scope, input.params.jobId ?? ''));
  }
  return {
    find,

    /** @throws Fault notFound */
    async required(input: RouteInput, ctx: RequestContext): Promise<CustomizationJobRow> {
      const job = await find(input, ctx);
      if (job) return job;
      throw new Fault('notFound', 'There is no such customization job; its id is the last part of its ARN.');
    },

    async authorize(input: RouteInput, ctx: RequestContext) {
      const job = await find(input, ctx);
      if (!job) return [{ resource: `arn:aws:likeness:${ctx.region}:${ctx.accountId}:*` }];
      const conditions = Object.fromEntries(job.jobTags.map(tag => [`aws:ResourceTag/${tag.key}`, tag.value]));
      return [{ resource: job.jobArn, conditions }];
    },
  };
}

interface Position {
  attempt: number;
  offset: number;
}

/** Server-sent events: each event of the training, then `end` with the job's status. The id is where to go on. */
async function* follow(job: CustomizationJobRow, from: Position, deps: Dependencies): AsyncGenerator<Uint8Array> {
  const { store, time, trainingRecords, status } = deps;
  const until = time.now().getTime() + LONGEST_STREAM_SECONDS * 1000;
  let { attempt, offset } = from;
  while (time.now().getTime() < until && status() !== 'stopping') {
    const row = await store.read(rows => rows.bedrock.jobById(job, job.jobId));
    if (!row) return;
    const { events, nextOffset } = await trainingRecords.eventsFrom(job.jobId, attempt, offset);
    if (nextOffset > offset) {
      offset = nextOffset;
      const text = events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(shown(event))}\n\n`).join('');
      yield Buffer.from(`${text}id: ${attempt}:${offset}\n\n`);
    } else if (attempt < row.attempt) {
      attempt += 1;
      offset = 0;
    } else if (row.status !== 'InProgress' && row.status !== 'Stopping') {
      yield Buffer.from(`event: end\ndata: ${JSON.stringify({ status: row.status })}\n\n`);
      return;
    } else {
      yield Buffer.from(': waiting\n\n');
      await time.sleep(POLL_SECONDS * 1000);
    }
  }
}

/** Without the folder below the service's own. */
function shown(event: TrainingEvent): Record<string, unknown> {
  const { path: _, ...rest } = event as TrainingEvent & { path?: string };
  return rest;
}

function readCount(
  query: URLSearchParams,
  name: string,
  { minimum, maximum, otherwise }: { minimum: number; maximum: number; otherwise: number },
): number {
  const text = query.get(name);
  if (text === null || text === '') return otherwise;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw new Fault(
    'invalid',
    `${name} must be a whole number from ${minimum} to ${maximum}; you sent ${text.slice(0, 100)}.`,
  );
}

function readPosition(text: string | null): Position {
  if (text === null || text === '') return { attempt: 1, offset: 0 };
  const [, attempt, offset] = /^(\d{1,6}):(\d{1,12})$/.exec(text) ?? [];
  if (attempt === undefined || offset === undefined || Number(attempt) < 1)
    throw new Fault('invalid', 'after must be the id of an event that was sent before, such as 1:2048.');
  return { attempt: Number(attempt), offset: Number(offset) };
}
