// `likeness demo`: the product's main job on its own sample, through AWS's own clients, in a folder of its own.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { isInUse, makeFolder } from '../../data-folder.ts';
import { CliFailure } from '../failure.ts';
import { plainLog } from '../plain-log.ts';
import { settings } from '../settings.ts';
import { shownPath } from '../shown-path.ts';
import { type RunningService, startService, stopOnSignal } from '../up.ts';
import { connect, type DemoClients, disconnect } from './clients.ts';
import { writeContactSheet } from './contact-sheet.ts';
import { demoPage } from './page.ts';
import { drawPrompts } from './pictures.ts';
import { type DemoResult, plan, type Timing } from './plan.ts';
import { duration, startProgress } from './progress.ts';
import { type SampleImage, sampleImages, uploadSamples } from './sample-data.ts';
import { createServiceRole } from './service-role.ts';
import { buyModelUnit, createJob, followJob, readLosses } from './training.ts';

/** Says that a data folder was made by the demo, which may therefore empty it. */
const MARKER = 'made-by-likeness-demo';

const sampleFolder = resolve(import.meta.dirname, '../../../../models/art/sample');

export async function demo(options: { steps?: string; folder: string }, environment: NodeJS.ProcessEnv): Promise<void> {
  const steps = stepCount(options.steps);
  const folder = resolve(options.folder);
  const startedAt = performance.now();
  const config = settings({ data: join(folder, 'data'), port: '0', host: '127.0.0.1' }, environment, {
    logLevel: 'warn',
  });
  const images = sampleImages(sampleFolder);
  emptyDataFolder(config.dataDirectory);

  const starting = startProgress('Starting the service on an empty data folder');
  const service = await startService(config, plainLog());
  const timings: Timing[] = [{ what: 'start of the service', seconds: starting.end(service.endpoint) }];
  const signals = stopOnSignal(service, 130);
  const clients = connect(service, config.region);
  try {
    const result = await mainJob({ service, clients, config, images, steps, timings, startedAt });
    await writeResult(folder, result, config);
    console.log(farewell(folder, result, (performance.now() - startedAt) / 1000));
  } catch (error) {
    // The service is going down under our requests, and then ends this process: nothing to tell.
    if (signals.requested()) return;
    await service.stop();
    throw error;
  } finally {
    disconnect(clients);
  }
  await service.stop();
  process.exit(0);
}

interface MainJob {
  service: RunningService;
  clients: DemoClients;
  config: Config;
  images: readonly SampleImage[];
  steps: number;
  timings: Timing[];
  startedAt: number;
}

/** From the base model's pictures to the custom model's, through AWS's operations only. */
async function mainJob(job: MainJob): Promise<DemoResult> {
  const { service, clients, config, images, steps, timings, startedAt } = job;
  const time = (what: string, seconds: number): unknown => timings.push({ what, seconds });

  let progress = startProgress(`Drawing ${plan.prompts.length} prompts with the base model`);
  const before = await drawPrompts(clients, plan.onDemandModelId, progress);
  time(`${plan.prompts.length} pictures by the base model`, progress.end());

  const bucket = `likeness-demo-${service.accountId}-${config.region}`;
  progress = startProgress(`Uploading ${images.length} pictures and train.jsonl`);
  const manifestUri = await uploadSamples(clients, bucket, images, progress);
  time(`upload of ${images.length} pictures`, progress.end(manifestUri));

  progress = startProgress('Creating the service role');
  const roleArn = await createServiceRole(clients, { accountId: service.accountId, region: config.region, bucket });
  progress.end(roleArn);

  progress = startProgress('Training');
  const outputUri = `s3://${bucket}/output`;
  const jobArn = await createJob(clients, { roleArn, manifestUri, outputUri, steps });
  const runsFolder = join(config.dataDirectory, 'runs');
  const customModelArn = await followJob(clients, { jobArn, runsFolder, steps }, progress);
  const losses = await readLosses(clients, bucket, 'output', jobArn);
  time(`training, ${steps} steps of ${plan.batchSize} pictures`, progress.end(`${steps} steps of ${plan.batchSize}`));

  progress = startProgress('Buying one model unit, no commitment');
  const provisionedModelArn = await buyModelUnit(clients, customModelArn);
  time('model unit in service', progress.end(provisionedModelArn));

  progress = startProgress(`Drawing ${plan.prompts.length} prompts with the custom model`);
  const after = await drawPrompts(clients, provisionedModelArn, progress);
  time(`${plan.prompts.length} pictures by the custom model`, progress.end());
  time('everything', (performance.now() - startedAt) / 1000);

  return {
    comparisons: plan.prompts.map((prompt, index) => ({
      prompt,
      before: before[index] ?? new Uint8Array(),
      after: after[index] ?? new Uint8Array(),
    })),
    samples: chosenSamples(images.map(({ path }) => path)),
    imageCount: images.length,
    losses,
    timings,
    steps,
    bucket,
    accountId: service.accountId,
    region: config.region,
    provisionedModelArn,
    customModelArn,
    ...commandsFor(config),
  };
}

function stepCount(text: string | undefined): number {
  const steps = Number(text ?? plan.steps);
  if (!Number.isInteger(steps) || steps < 10 || steps > 40_000)
    throw new CliFailure(`--steps must be a whole number from 10 to 40000; it is "${text}".`);
  return steps;
}

/** The demo starts from nothing each time; it empties no folder that it did not make. */
function emptyDataFolder(data: string): void {
  if (existsSync(data)) {
    if (!existsSync(join(data, MARKER)))
      throw new CliFailure(`${data} was not made by the demo. Move it away, or choose another place with --folder.`);
    if (isInUse(data)) throw new CliFailure(`${data} is being served. Stop that service first.`);
    rmSync(data, { recursive: true });
  }
  try {
    makeFolder(data);
  } catch (error) {
    throw new CliFailure(`${data} cannot be made: ${(error as Error).message}. Choose another place with --folder.`);
  }
  writeFileSync(join(data, MARKER), 'The next `likeness demo` empties this folder.\n');
}

function commandsFor(config: Config): { upCommand: string; envCommand: string } {
  const data = shownPath(config.dataDirectory);
  return {
    upCommand: `npx --no-install likeness up --data ${data}`,
    envCommand: `eval "$(npx --no-install likeness env --data ${data})"`,
  };
}

async function writeResult(folder: string, result: DemoResult, config: Config): Promise<void> {
  const pictures = join(folder, 'pictures');
  mkdirSync(pictures, { recursive: true });
  for (const [index, { before, after }] of result.comparisons.entries()) {
    writeFileSync(join(pictures, `${index + 1}-before.png`), before);
    writeFileSync(join(pictures, `${index + 1}-after.png`), after);
  }
  writeFileSync(join(folder, 'index.html'), demoPage(result));
  await writeContactSheet(join(folder, 'contact-sheet.png'), pictures, config.pythonPath);
}

function farewell(folder: string, result: DemoResult, seconds: number): string {
  const shown = shownPath(folder);
  return [
    '',
    `Done in ${duration(seconds)}. Before and after, side by side:`,
    `  ${join(shown, 'index.html')}`,
    `  ${join(shown, 'contact-sheet.png')}`,
    `The data are in ${join(shown, 'data')}. Serve the result, and use it with any AWS client:`,
    `  ${result.upCommand} --port 4747`,
    `  ${result.envCommand}    # in another shell`,
  ].join('\n');
}

/** A few of each character: every tenth picture. */
function chosenSamples(paths: readonly string[]): Uint8Array[] {
  return paths.filter((_, index) => index % 10 === 0).map(path => readFileSync(path));
}
