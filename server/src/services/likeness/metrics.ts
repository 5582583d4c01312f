/** What the service counts, in CloudWatch's words where it has some (AWS/Bedrock), as Prometheus reads it. */
import type { Call, Exchanged } from '../../domain/call.ts';
import { counter, histogram, type Labels, type Sample, samplesText } from '../../domain/metrics/exposition.ts';
import { eventKind } from '../../domain/trail/event-kind.ts';
import type { PoolFigures } from '../../ports/inference.ts';
import type { Invocation } from '../../ports/invocation-logs.ts';
import type { Machine } from '../../ports/machine.ts';
import type { Rows, Store } from '../../ports/store.ts';
import type { Time } from '../../ports/time.ts';

interface MetricsDependencies {
  store: Store;
  time: Time;
  machine: Machine;
  version: string;
  /** Queues and units as they are now. */
  pools(): readonly PoolFigures[];
}

export interface Metrics {
  /** A request was answered. */
  answered(exchanged: Exchanged): void;
  /** Images were drawn. */
  drawn(invocation: Invocation): void;
  /** All of it, now. */
  text(): Promise<string>;
}

const LATENCY_MILLISECONDS = [100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000];
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
/** More ids than that are told as one. */
const MOST_MODELS = 500;
const UNKNOWN = 'unknown';

export function createMetrics(deps: MetricsDependencies): Metrics {
  const invocations = counter('aws_bedrock_invocations_total', 'Answered invocations of a model.');
  const latency = histogram(
    'aws_bedrock_invocation_latency_milliseconds',
    'Time to answer an invocation.',
    LATENCY_MILLISECONDS,
  );
  const clientErrors = counter('aws_bedrock_invocation_client_errors_total', 'Invocations refused as wrong.');
  const serverErrors = counter('aws_bedrock_invocation_server_errors_total', 'Invocations that failed here.');
  const throttles = counter('aws_bedrock_invocation_throttles_total', 'Invocations refused because too many wait.');
  const images = counter('aws_bedrock_output_image_count_total', 'Images drawn.');
  const requests = counter('likeness_requests_total', 'Requests by service and status.');
  const seconds = histogram('likeness_request_duration_seconds', 'Time to answer a request.', REQUEST_SECONDS);
  const s3Requests = counter('likeness_s3_requests_total', 'Requests to S3 by operation and status.');
  const s3Bytes = counter('likeness_s3_bytes_total', 'Bytes of bodies sent to S3 (uploaded) and by it (downloaded).');
  const models = new Set<string>();

  /** An id in a refused request may be anything: only one that has answered, or failed to, is told. */
  function modelOf(call: Call, isReal: boolean): string {
    const modelId = String(call.requestParameters?.modelId ?? UNKNOWN);
    if (isReal && models.size < MOST_MODELS) models.add(modelId);
    return models.has(modelId) ? modelId : UNKNOWN;
  }

  function invoked({ call, status, seconds: elapsed }: Exchanged): void {
    if (call.principal === undefined) return;
    const isFailure = status >= 500 || status === 424 || status === 408;
    const labels: Labels = {
      ...{ account_id: call.principal.accountId, region: call.region },
      model_id: modelOf(call, status < 400 || isFailure),
    };
    if (status < 400) {
      invocations.add(labels);
      latency.observe(labels, Math.round(elapsed * 1000));
    } else if (status === 429) throttles.add(labels);
    else if (isFailure) serverErrors.add(labels);
    else clientErrors.add(labels);
  }

  return {
    answered(exchanged) {
      const { call, status, receivedBytes, sentBytes } = exchanged;
      const statusClass = `${Math.floor(status / 100)}xx`;
      requests.add({ service: call.service, status: statusClass });
      seconds.observe({ service: call.service }, exchanged.seconds);
      if (call.service === 's3') {
        s3Requests.add({ operation: call.operation ?? UNKNOWN, status: statusClass });
        s3Bytes.add({ direction: 'uploaded' }, receivedBytes);
        s3Bytes.add({ direction: 'downloaded' }, sentBytes);
      }
      if (call.service === 'bedrock' && eventKind(call.service, call.operation ?? '').isInvocation) invoked(exchanged);
    },

    drawn({ accountId, region, modelId, imageCount }) {
      images.add({ account_id: accountId, region, model_id: modelId }, imageCount);
    },

    async text() {
      const counted = [invocations, latency, clientErrors, serverErrors, throttles, images];
      const served = [requests, seconds, s3Requests, s3Bytes];
      const now = [...(await rowsText(deps)), ...poolsText(deps.pools()), ...(await machineText(deps))];
      return [...[...counted, ...served].map(metric => metric.text()), ...now].join('');
    },
  };
}

async function rowsText({ store, time, pools }: MetricsDependencies): Promise<string[]> {
  const now = time.now().getTime();
  const { trainings, batches, modelJobs, throughputs, untold } = await store.read(async (rows: Rows) => ({
    trainings: await rows.bedrock.listUnfinishedJobs(),
    batches: await rows.batch.listUnfinished(),
    modelJobs: await rows.bedrock.listUnfinishedModelJobs(),
    throughputs: await rows.bedrock.listThroughputsToReconcile(),
    untold: await rows.events.countChanges(),
  }));
  const isRunning = (job: { leaseUntil: number | null }) => job.leaseUntil !== null && job.leaseUntil > now;
  const running = trainings.filter(isRunning);
  const drawing = batches.filter(({ status }) => status !== 'Submitted' && status !== 'Scheduled');
  const jobs = (kind: string, all: number, active: number): Sample[] => [
    { labels: { kind, state: 'waiting' }, value: all - active },
    { labels: { kind, state: 'running' }, value: active },
  ];
  const actual = new Map(pools().map(({ modelId, units }) => [modelId, units]));
  return [
    samplesText('likeness_jobs', 'Unfinished jobs.', [
      ...jobs('customization', trainings.length, running.length),
      ...jobs('batch', batches.length, drawing.length),
      ...jobs('model', modelJobs.length, modelJobs.length),
    ]),
    samplesText(
      'likeness_training_images_per_second',
      'Images that a training sees a second.',
      running.flatMap(({ accountId, jobId, progress }) =>
        progress?.imagesPerSecond == null
          ? []
          : [{ labels: { account_id: accountId, job_id: jobId }, value: progress.imagesPerSecond }],
      ),
    ),
    samplesText(
      'likeness_provisioned_model_units',
      'Model units bought (desired) and in service (actual).',
      throughputs.flatMap(({ provisionedModelArn, desiredModelUnits }) => [
        { labels: { model_id: provisionedModelArn, state: 'desired' }, value: desiredModelUnits },
        { labels: { model_id: provisionedModelArn, state: 'actual' }, value: actual.get(provisionedModelArn) ?? 0 },
      ]),
    ),
    samplesText('likeness_events_waiting', 'Changes of state that a destination has not been told of.', [
      { labels: {}, value: untold },
    ]),
  ];
}

function poolsText(pools: readonly PoolFigures[]): string[] {
  const labelled = (value: (pool: PoolFigures) => number): Sample[] =>
    pools.map(pool => ({ labels: { kind: pool.kind, model_id: pool.modelId }, value: value(pool) }));
  return [
    samplesText(
      'likeness_queue_depth',
      'Invocations that wait for a unit.',
      labelled(pool => pool.waiting),
    ),
    samplesText(
      'likeness_units',
      'Processes that draw.',
      labelled(pool => pool.units),
    ),
  ];
}

async function machineText({ machine, version }: MetricsDependencies): Promise<string[]> {
  const { freeDiskBytes } = await machine.facts();
  const { residentBytes, heapBytes, cpuSeconds, startedAt } = machine.process();
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  return [
    samplesText('likeness_data_free_bytes', 'Disk that is free for the data folder.', one(freeDiskBytes)),
    samplesText('process_resident_memory_bytes', 'Memory of the server, without its workers.', one(residentBytes)),
    samplesText('nodejs_heap_size_used_bytes', 'Of it, the heap in use.', one(heapBytes)),
    samplesText('process_cpu_seconds_total', 'CPU time of the server.', one(cpuSeconds), 'counter'),
    samplesText('process_start_time_seconds', 'When the server began, since 1970.', one(startedAt.getTime() / 1000)),
    samplesText('likeness_build_info', 'Its version.', [{ labels: { version }, value: 1 }]),
  ];
}
