import { statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from '../config.ts';
import { preparingFamilies } from '../domain/model-families.ts';
import type { ListedBaseModel } from '../ports/base-models.ts';
import type { RegisteredModels } from '../ports/registered-models.ts';
import { CliFailure } from './failure.ts';
import { readHubPlace } from './hub/client.ts';
import { downloadModel, hubModelId } from './hub/model-download.ts';
import { onInstallation } from './installation.ts';
import { type ServiceFlags, settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { callRoute } from './signed-call.ts';

type DataFlag = Pick<ServiceFlags, 'data'>;

/** Registers a base model and prints what it is: licence, tasks, sizes, memory. */
export async function modelAdd(
  source: string,
  flags: DataFlag & { id?: string; licence?: string },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const config = settings(flags, environment);
  const id = flags.id ?? null;
  const licence = flags.licence ?? null;
  const model = source.startsWith('hf:')
    ? await downloaded(config, source, id, licence)
    : await registered(config, { path: folder(source), id, licence });
  console.log(`Registered ${described(model)}`);
  const memoryBytes = model.facts?.memoryBytes ?? 0;
  if (memoryBytes > totalmem())
    console.log(`! This machine has ${gibibytes(totalmem())} of memory: the model will not load here.`);
}

/** Prints every base model, the embedded one first. */
export async function modelList(flags: DataFlag, environment: NodeJS.ProcessEnv): Promise<void> {
  const config = settings(flags, environment);
  const models = await listed(config);
  console.log(models.map(described).join('\n'));
}

/** Forgets a registered base model. */
export async function modelRemove(id: string, flags: DataFlag, environment: NodeJS.ProcessEnv): Promise<void> {
  const config = settings(flags, environment);
  await onInstallation<unknown>(config, {
    server: server => callRoute(server, 'DELETE', `/registered-models/${encodeURIComponent(id)}`),
    folder: () => onFolder(config, models => models.remove(id)),
  });
  console.log(
    `Removed ${id}. Custom models trained on it draw again when the same weights are registered under this id.`,
  );
}

function folder(source: string): string {
  const path = resolve(source);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new CliFailure(
    `${shownPath(path)} is no folder. A base model is a folder in diffusers layout, or hf:OWNER/NAME.`,
  );
}

async function downloaded(config: Config, source: string, givenId: string | null, licence: string | null) {
  const place = readHubPlace(source);
  const id = givenId ?? hubModelId(place);
  if (!/^[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}$/.test(id))
    throw new CliFailure(`--id must look like provider.model (lower-case letters, digits, dashes); it is "${id}".`);
  if ((await listed(config)).some(model => model.id === id))
    throw new CliFailure(`The base model id ${id} is taken. Remove it first, or choose another id.`);
  const found = await downloadModel(config, place, id, licence);
  return await registered(config, { id, ...found });
}

async function listed(config: Config): Promise<ListedBaseModel[]> {
  return await onInstallation<ListedBaseModel[]>(config, {
    server: async server => {
      const answer = (await callRoute(server, 'GET', '/registered-models')) as { registeredModels: ListedBaseModel[] };
      return answer.registeredModels;
    },
    folder: () => onFolder(config, models => models.list()),
  });
}

async function registered(config: Config, request: Parameters<RegisteredModels['add']>[0]): Promise<ListedBaseModel> {
  return await onInstallation<ListedBaseModel>(config, {
    server: async server => (await callRoute(server, 'POST', '/registered-models', request)) as ListedBaseModel,
    folder: () => onFolder(config, models => models.add(request)),
  });
}

async function onFolder<Answer>(config: Config, use: (models: RegisteredModels) => Promise<Answer>): Promise<Answer> {
  const { openRegisteredModels } = await import('../main.ts');
  const models = await openRegisteredModels(config).catch((error: Error) => {
    throw new CliFailure(error.message);
  });
  try {
    return await use(models);
  } finally {
    await models.close();
  }
}

function described({ id, path, licence, origin, facts, problem }: ListedBaseModel): string {
  const where = { embedded: 'comes with Likeness', setting: 'by LIKENESS_BASE_MODELS', registered: 'registered' }[
    origin
  ];
  const lines = [`${id} (${where})`, `  folder   ${shownPath(path)}`, `  licence  ${licence}`];
  if (problem !== null) return [...lines, `  ! It does not answer: ${problem}`].join('\n');
  if (facts === null) return lines.join('\n');
  return [
    ...lines,
    `  family   ${facts.family}, ${(facts.parameters / 1e6).toFixed(0)} million parameters`,
    `  tasks    ${facts.tasks.join(', ')}`,
    isPreparing(facts)
      ? `  sees     ${facts.resolution} x ${facts.resolution} pixels of each picture; it draws nothing`
      : `  draws    about ${facts.resolution} x ${facts.resolution} pixels, scaled to the size asked for`,
    `  disk     ${gibibytes(facts.sizeBytes)} of weights`,
    `  memory   ${gibibytes(facts.memoryBytes)} for the weights while they load (float32), and what pictures take`,
  ].join('\n');
}

/** Of a model that captions pictures or finds masks in them. */
function isPreparing({ family }: { family: string }): boolean {
  return preparingFamilies[family] !== undefined;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(bytes < 10 * 1024 ** 3 ? 2 : 0)} GiB`;
}
