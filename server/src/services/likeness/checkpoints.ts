/** The checkpoints of a job beside the one that became its model: which there are, and a model made of one. */
import { Fault } from '../../domain/fault.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import { evaluationsOf } from '../../domain/training/events.ts';
import type { CustomizationJobRow, CustomModelRow } from '../../ports/store-bedrock.ts';
import type { LikenessDependencies } from './dependencies.ts';
import { jobOfRoute } from './jobs.ts';

type Dependencies = Pick<
  LikenessDependencies,
  'store' | 'time' | 'ids' | 'modelStore' | 'keyring' | 'trainingRecords' | 'refuseTakenModelName'
>;

/** Weights on their way to a model of their own are nobody's after so long: the server died over them. */
const SAVING_MILLISECONDS = 24 * 60 * 60 * 1000;
const MODEL_NAME = /^[0-9a-zA-Z](?:[_-]?[0-9a-zA-Z]){0,62}[_-]?$/;
const MODEL_NAME_LENGTH = 63;

export function checkpointRoutes(deps: Dependencies): Route[] {
  const { store, time, trainingRecords } = deps;
  const { authorize, required } = jobOfRoute(deps);

  const stored = (job: CustomizationJobRow) =>
    store.read(rows => rows.bedrock.checkpointsOf(job.customModelId, time.now().getTime()));

  return [
    {
      method: 'GET',
      path: '/jobs/{jobId}/checkpoints',
      action: 'ListJobCheckpoints',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const evaluations = evaluationsOf(await trainingRecords.attempts(job.jobId));
        const checkpoints = (await stored(job)).map(({ step, expiresAt }) => {
          const { path: _, type: __, ...scores } = evaluations.find(event => event.step === step) ?? {};
          return { ...scores, step, expiresAt: new Date(expiresAt).toISOString() };
        });
        return { json: { jobArn: job.jobArn, checkpoints } };
      },
    },
    {
      method: 'POST',
      path: '/jobs/{jobId}/checkpoints/{step}/promote',
      action: 'PromoteJobCheckpoint',
      authorize,
      async handle(input, ctx) {
        const job = await required(input, ctx);
        const modelName = readModelName(input);
        const checkpoint = (await stored(job)).find(({ step }) => String(step) === input.params.step);
        if (!checkpoint)
          throw new Fault(
            'notFound',
            `Job ${job.jobId} keeps no such checkpoint (any more); GET /_likeness/v1/jobs/${job.jobId}/checkpoints lists those there are.`,
          );
        const evaluations = evaluationsOf(await trainingRecords.attempts(job.jobId));
        const validationLoss = evaluations.find(({ step }) => step === checkpoint.step)?.validationLoss ?? null;
        const model = await promote(job, checkpoint.weightsId, { modelName, validationLoss }, deps);
        return { status: 201, json: { modelArn: model.modelArn, modelName, step: checkpoint.step } };
      },
    },
  ];
}

/** A model of its own beside the job's, never in its place: what serves the other goes on giving the same pictures. */
async function promote(
  job: CustomizationJobRow,
  weightsId: string,
  own: Pick<CustomModelRow, 'modelName' | 'validationLoss'>,
  deps: Dependencies,
): Promise<CustomModelRow> {
  const { store, time, ids, modelStore, keyring } = deps;
  const modelId = ids.resource();
  const now = time.now().getTime();
  const modelArn = job.customModelArn.replace(/[^/]*$/, modelId);
  const origin = await store.transaction(async rows => {
    await deps.refuseTakenModelName(rows, job, own.modelName);
    const found = await rows.bedrock.modelById(job, job.customModelId);
    if (!found)
      throw new Fault('notFound', `The custom model of job ${job.jobId} is deleted, and with it its checkpoints.`);
    const reservation = {
      weightsId: modelId,
      modelId: job.customModelId,
      kind: 'copy' as const,
      step: null,
      expiresAt: now + SAVING_MILLISECONDS,
    };
    await rows.bedrock.insertCheckpoints([reservation]);
    return found;
  });
  const owner = { accountId: job.accountId, region: job.region, keyArn: job.keyArn };
  try {
    const { sizeBytes } = await modelStore.copy(
      { modelId: weightsId, owner: { ...owner, resourceArn: job.customModelArn } },
      { modelId, owner: { ...owner, resourceArn: modelArn } },
    );
    const model: CustomModelRow = {
      ...origin,
      ...own,
      ...{ modelId, modelArn, sizeBytes, trainingLoss: null, tags: [], createdAt: now },
    };
    await store.transaction(async rows => {
      await deps.refuseTakenModelName(rows, job, own.modelName);
      await rows.bedrock.insertModel(model);
      await rows.bedrock.deleteCheckpoint(modelId);
    });
    return model;
  } catch (error) {
    await modelStore.delete(modelId);
    await keyring.release({ ...owner, resourceArn: modelArn });
    await store.transaction(rows => rows.bedrock.deleteCheckpoint(modelId));
    throw error;
  }
}

function readModelName({ body }: RouteInput): string {
  const { modelName } = body;
  if (typeof modelName !== 'string' || modelName.length > MODEL_NAME_LENGTH || !MODEL_NAME.test(modelName))
    throw new Fault(
      'invalid',
      `modelName must be 1 to ${MODEL_NAME_LENGTH} letters and digits, with single dashes or underscores between; you sent ${JSON.stringify(modelName)?.slice(0, 100)}.`,
    );
  return modelName;
}
