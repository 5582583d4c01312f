import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateModelCustomizationJobCommand,
  CreateProvisionedModelThroughputCommand,
  GetModelCustomizationJobCommand,
  GetProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { CliFailure } from '../failure.ts';
import type { DemoClients } from './clients.ts';
import { plan } from './plan.ts';
import { duration, type Progress } from './progress.ts';

const POLL_MILLISECONDS = 700;

export async function createJob(
  { bedrock }: DemoClients,
  request: { roleArn: string; manifestUri: string; outputUri: string; steps: number },
): Promise<string> {
  const answer = await bedrock.send(
    new CreateModelCustomizationJobCommand({
      jobName: plan.jobName,
      customModelName: plan.jobName,
      roleArn: request.roleArn,
      baseModelIdentifier: plan.modelId,
      customizationType: 'FINE_TUNING',
      trainingDataConfig: { s3Uri: request.manifestUri },
      outputDataConfig: { s3Uri: request.outputUri },
      hyperParameters: {
        stepCount: String(request.steps),
        batchSize: String(plan.batchSize),
        learningRate: plan.learningRate,
      },
    }),
  );
  return answer.jobArn ?? '';
}

/** Follows a job to its end. @returns the custom model's ARN @throws CliFailure with the job's own failure message */
export async function followJob(
  { bedrock }: DemoClients,
  { jobArn, runsFolder, steps }: { jobArn: string; runsFolder: string; steps: number },
  progress: Progress,
): Promise<string> {
  const events = runEvents(join(runsFolder, jobArn.slice(jobArn.lastIndexOf('/') + 1)));
  for (;;) {
    const job = await bedrock.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
    if (job.status === 'Completed') return job.outputModelArn ?? '';
    if (job.status !== 'InProgress')
      throw new CliFailure(`the job ended ${job.status}: ${job.failureMessage ?? 'no reason was given'}`);
    const { done, total, note } = events.latest(steps, phaseOf(job.statusDetails));
    progress.update(done, total, note);
    await delay(POLL_MILLISECONDS);
  }
}

/** Loss of each step, from the metrics that the job wrote into the bucket. */
export async function readLosses(
  { s3 }: DemoClients,
  bucket: string,
  outputPrefix: string,
  jobArn: string,
): Promise<{ step: number; loss: number }[]> {
  const jobId = jobArn.slice(jobArn.lastIndexOf('/') + 1);
  const key = `${outputPrefix}/model-customization-job-${jobId}/training_artifacts/step_wise_training_metrics.csv`;
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const text = (await answer.Body?.transformToString()) ?? '';
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const lossColumn = header.split(',').indexOf('training_loss');
  return lines.map(line => {
    const cells = line.split(',');
    return { step: Number(cells[0]), loss: Number(cells[lossColumn]) };
  });
}

/** One model unit without a commitment. @returns its ARN, once it is in service */
export async function buyModelUnit({ bedrock }: DemoClients, modelArn: string): Promise<string> {
  const { provisionedModelArn = '' } = await bedrock.send(
    new CreateProvisionedModelThroughputCommand({
      provisionedModelName: plan.jobName,
      modelId: modelArn,
      modelUnits: 1,
    }),
  );
  for (;;) {
    const answer = await bedrock.send(
      new GetProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn }),
    );
    if (answer.status === 'InService') return provisionedModelArn;
    if (answer.status !== 'Creating')
      throw new CliFailure(`the model unit is ${answer.status}: ${answer.failureMessage ?? 'no reason was given'}`);
    await delay(POLL_MILLISECONDS);
  }
}

interface StatusDetails {
  validationDetails?: { status?: string | undefined } | undefined;
  dataProcessingDetails?: { status?: string | undefined } | undefined;
}

function phaseOf(details: StatusDetails | undefined): string {
  if (details?.validationDetails?.status !== 'Completed') return 'checking the data';
  if (details.dataProcessingDetails?.status !== 'Completed') return 'reading the pictures';
  return 'loading the model';
}

/**
 * The live figures of a job. AWS's API has none while a job runs, so they come from the run directory of the demo's own
 * data folder, as the worker writes them.
 */
function runEvents(jobFolder: string) {
  return {
    latest(steps: number, phase: string): { done: number; total: number; note: string } {
      const { event, stepsDone } = lastEvent(jobFolder);
      if (event?.type !== 'step') {
        const named = WORKER_PHASES[event?.phase ?? ''];
        const count = named && event?.total ? ` ${event.done}/${event.total}` : '';
        return { done: stepsDone, total: steps, note: `${named ?? phase}${count}` };
      }
      const figures = `loss ${event.loss.toFixed(3)}  ${event.imagesPerSecond.toFixed(1)} images/s`;
      return { done: event.step + 1, total: steps, note: `${figures}  ${duration(event.secondsLeft)} left` };
    },
  };
}

interface RunEvent {
  type: string;
  phase?: string;
  done?: number;
  total?: number;
  step: number;
  loss: number;
  imagesPerSecond: number;
  secondsLeft: number;
}

/** The worker's phases that take a while, as a person would say them. */
const WORKER_PHASES: Readonly<Record<string, string>> = {
  caching: 'preparing pictures',
  evaluating: 'drawing samples to judge',
  saving: 'saving',
};

/** The newest whole line about a phase or a step, of the newest attempt, and how many steps are done by then. */
function lastEvent(jobFolder: string): { event?: RunEvent; stepsDone: number } {
  try {
    const attempt = Math.max(...readdirSync(jobFolder).map(Number).filter(Number.isInteger));
    const lines = readFileSync(join(jobFolder, String(attempt), 'events.jsonl'), 'utf8')
      .split('\n')
      .slice(0, -1);
    const events: RunEvent[] = [/"type": ?"(step|phase)"/, /"type": ?"step"/].flatMap(type => {
      const line = lines.findLast(text => type.test(text));
      return line === undefined ? [] : [JSON.parse(line)];
    });
    const [event, step] = events;
    return { ...(event && { event }), stepsDone: step ? step.step + 1 : 0 };
  } catch {
    // Not there yet.
    return { stepsDone: 0 };
  }
}
