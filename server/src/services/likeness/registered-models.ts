import { isAbsolute } from 'node:path';
import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { Route } from '../../domain/route.ts';
import type { BaseModelRegistry, InspectBaseModel, ListedBaseModel } from '../../ports/base-models.ts';
import type { RegisteredModels } from '../../ports/registered-models.ts';
import type { Rows, Store } from '../../ports/store.ts';
import type { Time } from '../../ports/time.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** Printable, so that it can stand in a line of a terminal. */
const LICENCE = /^[\u0020-\u007e]{1,200}$/;

/** Linux takes no longer ones. */
const MAXIMUM_PATH_CHARACTERS = 4096;

/**
 * Registers base models, on the data folder alone: the running server and the CLI on a stopped one share it.
 * @param deps.endUnit told of a model that is removed; nothing to do where no server runs
 */
export function createRegisteredModels(deps: {
  store: Store;
  baseModels: BaseModelRegistry;
  inspect: InspectBaseModel;
  time: Time;
  endUnit(baseModelId: string): void;
}): RegisteredModels {
  const { store, baseModels, inspect, time } = deps;

  async function withFacts(model: ListedBaseModel): Promise<ListedBaseModel> {
    if (model.facts !== null || model.problem !== null) return model;
    const facts = await inspect(model.path).catch(error => error);
    return facts instanceof Fault ? { ...model, problem: facts.message } : { ...model, facts };
  }

  return {
    list: () => Promise.all(baseModels.list().map(withFacts)),

    async add({ path, id, licence }) {
      checkPath(path);
      if (licence !== null && !LICENCE.test(licence))
        throw new Fault(
          'invalid',
          `licence must be 1 to 200 characters of printable ASCII; you sent ${licence.length}.`,
        );
      const facts = await inspect(path);
      return await baseModels.register({ path, id, licence, facts, registeredAt: time.now().toISOString() });
    },

    async remove(baseModelId) {
      // In a transaction, as the creation of what would use it: none slips in between the look and the removal.
      await store.transaction(async rows => {
        const uses = await usesOf(rows, baseModelId);
        if (uses.length > 0)
          throw new Fault(
            'conflict',
            `The base model ${baseModelId} is in use by ${uses.slice(0, 5).join(', ')}${uses.length > 5 ? ` and ${uses.length - 5} more` : ''}. Stop or delete them first.`,
          );
        await baseModels.deregister(baseModelId);
      });
      deps.endUnit(baseModelId);
    },
  };
}

/** Its form; the folder is looked at by the inspection. @throws Fault invalid */
function checkPath(path: string): void {
  if (path.length > MAXIMUM_PATH_CHARACTERS)
    throw new Fault('invalid', `path must be at most ${MAXIMUM_PATH_CHARACTERS} characters; you sent ${path.length}.`);
  if (path.includes('\0')) throw new Fault('invalid', 'path must be the name of a folder, without a zero character.');
  if (!isAbsolute(path)) throw new Fault('invalid', `path must be absolute; you sent ${JSON.stringify(path)}.`);
}

/** ARNs of what trains it, draws with it, or holds it ready, in every account and Region. */
async function usesOf(rows: Rows, baseModelId: string): Promise<string[]> {
  const { bedrock, batch } = rows;
  const isIt = (row: { baseModelId: string } | undefined) => row?.baseModelId === baseModelId;
  const deployments: string[] = [];
  for (const row of await bedrock.listAllDeployments()) {
    const models = row.status === 'Failed' ? [] : [row.modelArn, row.update?.modelArn];
    for (const arn of models)
      if (arn !== undefined && isIt(await bedrock.modelByArn(arn))) {
        deployments.push(row.deploymentArn);
        break;
      }
  }
  return [
    ...(await bedrock.listUnfinishedJobs()).filter(isIt).map(row => row.jobArn),
    ...(await batch.listUnfinished()).filter(isIt).map(row => row.jobArn),
    ...(await bedrock.listThroughputsToReconcile()).filter(isIt).map(row => row.provisionedModelArn),
    ...deployments,
  ];
}

/** They name folders of the server's machine and serve every account: only the first one's callers may ask. */
export function registeredModelRoutes({
  accounts,
  registeredModels,
}: Pick<LikenessDependencies, 'accounts' | 'registeredModels'>): Route[] {
  const authorize = async (ctx: RequestContext, baseModelId = '*') => {
    if (!(await accounts.isFirst(ctx.accountId)))
      throw new Fault(
        'denied',
        `Only the first account of this installation administers base models; you are ${ctx.principal.arn}.`,
      );
    return [{ resource: `arn:aws:likeness::${ctx.accountId}:base-model/${baseModelId}` }];
  };
  return [
    {
      method: 'GET',
      path: '/registered-models',
      action: 'ListRegisteredModels',
      authorize: (_input, ctx) => authorize(ctx),
      handle: async () => ({ json: { registeredModels: await registeredModels.list() } }),
    },
    {
      method: 'POST',
      path: '/registered-models',
      action: 'RegisterModel',
      shownMembers: ['path', 'id', 'licence'],
      authorize: ({ body }, ctx) => authorize(ctx, typeof body.id === 'string' ? body.id : '*'),
      async handle({ body }) {
        const { path, id = null, licence = null } = body;
        if (typeof path !== 'string')
          throw new Fault('invalid', 'path must be a string: a folder in diffusers layout.');
        if (id !== null && typeof id !== 'string') throw new Fault('invalid', 'id must be a string.');
        if (licence !== null && typeof licence !== 'string') throw new Fault('invalid', 'licence must be a string.');
        return { status: 201, json: await registeredModels.add({ path, id, licence }) };
      },
    },
    {
      method: 'DELETE',
      path: '/registered-models/{id}',
      action: 'DeregisterModel',
      authorize: ({ params }, ctx) => authorize(ctx, params.id),
      async handle({ params }) {
        await registeredModels.remove(params.id ?? '');
        return { json: {} };
      },
    },
  ];
}
