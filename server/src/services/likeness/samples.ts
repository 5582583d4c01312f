/** What a job drew along its steps: while it trains, and for as long as its checkpoints are kept. */
import { buffer } from 'node:stream/consumers';
import { Fault } from '../../domain/fault.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import type { StoredFile } from '../../ports/model-store.ts';
import type { CustomizationJobRow } from '../../ports/store-bedrock.ts';
import type { LikenessDependencies } from './dependencies.ts';
import { jobOfRoute } from './jobs.ts';

type Dependencies = Pick<LikenessDependencies, 'store' | 'time' | 'modelStore' | 'keyring' | 'trainingRecords'>;

const PICTURE = /^step-(\d+)\/sample-(\d+)-(\d+)\.png$/;

interface Samples {
  prompts: string[];
  pictures: { step: number; prompt: number; seed: number; file: StoredFile }[];
  /** Null while the job has not ended. */
  expiresAt: number | null;
}

export function sampleRoutes(deps: Dependencies): Route[] {
  const { store, time, modelStore, keyring, trainingRecords } = deps;
  const { authorize: authorizeJob, find, required } = jobOfRoute(deps);

  /** They show what the model learnt: under a key of the customer's as it is. */
  const authorize: Route['authorize'] = async (input, ctx) => {
    const { keyArn } = (await find(input, ctx)) ?? {};
    return [...(await authorizeJob(input, ctx)), ...(await keyring.decryptRequests(keyArn, ctx))];
  };

  async function samplesOf(job: CustomizationJobRow): Promise<Samples> {
    const { accountId, region, keyArn, customModelArn: resourceArn } = job;
    const kept = await store.read(rows => rows.bedrock.samplesOf(job.customModelId, time.now().getTime()));
    // Their row is there before their bytes: until the job has ended, they are read where they were drawn. After it they are
    // swept away there, and what is not kept, or was deleted with its model, is gone.
    const drawing = job.endedAt === null ? await trainingRecords.samples(job.jobId) : [];
    if (!kept || drawing.length > 0) return { ...(await readSamples(drawing)), expiresAt: null };
    if (keyArn !== null) await keyring.resolve(keyArn, accountId, region);
    const stored = await modelStore.files(kept.weightsId, { accountId, region, keyArn, resourceArn });
    return { ...(await readSamples(stored)), expiresAt: kept.expiresAt };
  }

  return [
    {
      method: 'GET',
      path: '/jobs/{jobId}/samples',
      action: 'ListJobSamples',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const { prompts, pictures, expiresAt } = await samplesOf(job);
        return {
          json: {
            jobArn: job.jobArn,
            status: job.status,
            prompts,
            samples: pictures.map(({ step, prompt, seed }) => ({ step, prompt, seed })),
            expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
          },
        };
      },
    },
    {
      method: 'GET',
      path: '/jobs/{jobId}/samples/{step}/{prompt}/{seed}',
      action: 'GetJobSample',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const file = (await samplesOf(job)).pictures.find(picture => isAsked(picture, input))?.file;
        if (!file)
          throw new Fault(
            'notFound',
            `Job ${job.jobId} has no such sample (any more); GET /_likeness/v1/jobs/${job.jobId}/samples lists those there are.`,
          );
        return {
          headers: { 'content-type': 'image/png', 'content-length': String(file.sizeBytes) },
          stream: file.read(),
        };
      },
    },
  ];
}

function isAsked({ step, prompt, seed }: Samples['pictures'][number], { params }: RouteInput): boolean {
  return String(step) === params.step && String(prompt) === params.prompt && String(seed) === params.seed;
}

/** An evaluation that another attempt takes along meanwhile is not there for a moment: it is left out. */
async function readSamples(files: readonly StoredFile[]): Promise<Pick<Samples, 'prompts' | 'pictures'>> {
  const facts = files.findLast(({ name }) => name.endsWith('metrics.json'));
  const text = facts && (await buffer(facts.read()).catch(() => undefined));
  if (!text) return { prompts: [], pictures: [] };
  // The same along the steps: the comparison is the point of them.
  const { prompts, seeds } = JSON.parse(text.toString()) as { prompts: string[]; seeds: number[] };
  const pictures = files.flatMap(file => {
    const [, step, prompt, number] = PICTURE.exec(file.name) ?? [];
    const seed = seeds[Number(number)];
    return seed === undefined ? [] : [{ step: Number(step), prompt: Number(prompt), seed, file }];
  });
  return { prompts, pictures };
}
