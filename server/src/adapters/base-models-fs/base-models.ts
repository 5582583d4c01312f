import { rm } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { Fault } from '../../domain/fault.ts';
import { preparingFamilies } from '../../domain/model-families.ts';
import type {
  BaseModel,
  BaseModelRegistry,
  CatalogueEntry,
  ListedBaseModel,
  Registration,
} from '../../ports/base-models.ts';
import { denoiserOf } from './denoiser.ts';
import { readBaseModel } from './folder.ts';
import { DOWNLOADS, readRegistrations, writeRegistrations } from './registrations.ts';
import { weightsDigest } from './weights-digest.ts';

/** Rows that AWS listed for the retired model (2024); what answers behind them is a setting. */
const compatibility: readonly Omit<CatalogueEntry, 'baseModelId'>[] = [
  {
    modelId: 'amazon.titan-image-generator-v1:0',
    modelName: 'Titan Image Generator G1',
    providerName: 'Amazon',
    customizationsSupported: ['FINE_TUNING'],
    inferenceTypesSupported: ['PROVISIONED'],
    tasks: 'v1',
  },
  {
    modelId: 'amazon.titan-image-generator-v1',
    modelName: 'Titan Image Generator G1',
    providerName: 'Amazon',
    customizationsSupported: [],
    inferenceTypesSupported: ['ON_DEMAND'],
    tasks: 'v1',
  },
  {
    modelId: 'amazon.titan-image-generator-v2:0',
    modelName: 'Titan Image Generator G1 v2',
    providerName: 'Amazon',
    customizationsSupported: ['FINE_TUNING'],
    inferenceTypesSupported: ['PROVISIONED', 'ON_DEMAND'],
    tasks: 'all',
  },
];

/**
 * Reads the folders of the base models (diffusers layout, likeness.json beside model_index.json). One that was registered
 * and is gone or broken is listed with its problem and does not answer; in a setting it stops the start.
 * @param settings `baseModelPaths`: further folders by the id that they shall have; `modelMap`: compatibility id -> base
 *   model id, the embedded model where absent; `registrationsPath`: the file that registrations are kept in, a folder
 *   `base-models` beside it holds what was downloaded
 * @throws Error with one line to show where a folder is no base model, an id is taken or a map names nothing
 */
export async function openBaseModels(settings: {
  embeddedModelPath: string;
  baseModelPaths?: Readonly<Record<string, string>>;
  modelMap: Readonly<Record<string, string>>;
  registrationsPath: string;
}): Promise<BaseModelRegistry> {
  const { modelMap, registrationsPath } = settings;
  const embedded = await readBaseModel(settings.embeddedModelPath);
  const models = new Map<string, BaseModel>([[embedded.id, embedded]]);
  const isTaken = (id: string) => models.has(id) || compatibility.some(row => row.modelId === id);
  for (const [id, path] of Object.entries(settings.baseModelPaths ?? {})) {
    if (isTaken(id)) throw new Error(`The base model id ${id} is taken: register ${path} under another.`);
    models.set(id, await readBaseModel(path, id));
  }
  const ofSettings = new Set(models.keys());
  const registrations = await readRegistrations(registrationsPath);
  const problems = new Map<string, string>();
  for (const registration of registrations) {
    const { id } = registration;
    if (isTaken(id)) problems.set(id, 'LIKENESS_BASE_MODELS registers another folder under this id.');
    else
      await readRegistered(registration).then(
        model => models.set(id, model),
        (error: Error) => problems.set(id, error.message),
      );
  }
  refuseUnknown(modelMap, models);
  let catalogue = catalogueOf(models, embedded.id, modelMap);

  function listed({ id, path, licence }: Pick<BaseModel, 'id' | 'path' | 'licence'>): ListedBaseModel {
    const registration = registrations.find(row => row.id === id && row.path === path);
    const origin = id === embedded.id ? 'embedded' : 'setting';
    return {
      ...{ id, path, licence },
      origin: registration ? 'registered' : origin,
      facts: registration?.facts ?? null,
      problem: (registration && problems.get(id)) ?? null,
    };
  }

  /** One change at a time: the file is written as a whole. */
  let changing: Promise<unknown> = Promise.resolve();
  function change<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = changing.then(work);
    changing = result.catch(() => undefined);
    return result;
  }

  return {
    list: () => [...[...models.values()].filter(model => ofSettings.has(model.id)), ...registrations].map(listed),
    catalogue: () => catalogue,
    get: baseModelId => models.get(baseModelId),
    preparer: task => [...models.values()].findLast(model => preparingFamilies[model.family] === task) ?? embedded,
    weightsDigest,
    denoiser: base => denoiserOf(base.path),

    register: ({ path, id, licence, ...rest }) =>
      change(async () => {
        const model = await readBaseModel(path, id ?? undefined).catch((error: Error) => {
          throw new Fault('invalid', error.message, { cause: error });
        });
        if (isTaken(model.id) || registrations.some(row => row.id === model.id))
          throw new Fault('conflict', `The base model id ${model.id} is taken. Remove it first, or choose another id.`);
        const known = licence ?? (model.licence === 'unknown' ? null : model.licence);
        if (known === null)
          throw new Fault(
            'invalid',
            'licence is required where likeness.json names none: say which one binds the model.',
          );
        const registration = { id: model.id, path, licence: known, ...rest };
        await writeRegistrations(registrationsPath, [...registrations, registration]);
        registrations.push(registration);
        models.set(model.id, { ...model, licence: known });
        catalogue = catalogueOf(models, embedded.id, modelMap);
        return listed(registration);
      }),

    deregister: baseModelId =>
      change(async () => {
        const index = registrations.findIndex(row => row.id === baseModelId);
        const registration = registrations[index];
        if (!registration && models.has(baseModelId))
          throw new Fault(
            'conflict',
            `${baseModelId} was not registered by a command: it is embedded, or LIKENESS_BASE_MODELS names it.`,
          );
        if (!registration) throw new Fault('notFound', `The base model ${baseModelId} is not registered.`);
        const mapped = Object.entries(modelMap).find(([, target]) => target === baseModelId);
        if (mapped)
          throw new Fault(
            'conflict',
            `LIKENESS_MODEL_MAP lets ${baseModelId} answer behind ${mapped[0]}: change that first.`,
          );
        await writeRegistrations(registrationsPath, registrations.toSpliced(index, 1));
        registrations.splice(index, 1);
        if (!problems.delete(baseModelId)) models.delete(baseModelId);
        catalogue = catalogueOf(models, embedded.id, modelMap);
        const downloads = resolve(dirname(registrationsPath), DOWNLOADS) + sep;
        const folder = resolve(registration.path);
        // It may be registered under another id too.
        const isUsed = [...models.values(), ...registrations].some(other => resolve(other.path) === folder);
        if (folder.startsWith(downloads) && !isUsed) await rm(folder, { recursive: true, force: true });
      }),
  };
}

async function readRegistered({ id, path, licence }: Registration): Promise<BaseModel> {
  return { ...(await readBaseModel(path, id)), licence };
}

function refuseUnknown(modelMap: Readonly<Record<string, string>>, models: ReadonlyMap<string, BaseModel>): void {
  for (const [id, target] of Object.entries(modelMap)) {
    if (!compatibility.some(row => row.modelId === id))
      throw new Error(
        `LIKENESS_MODEL_MAP maps ${id}, which is no compatibility id: ${compatibility.map(row => row.modelId).join(', ')}.`,
      );
    const model = models.get(target);
    if (model === undefined || !isDrawn(model))
      throw new Error(
        `LIKENESS_MODEL_MAP maps ${id} to ${target}, which is not registered as a model that draws: ${[...models.keys()].join(', ')}.`,
      );
  }
}

function catalogueOf(
  models: ReadonlyMap<string, BaseModel>,
  embeddedId: string,
  modelMap: Readonly<Record<string, string>>,
): readonly CatalogueEntry[] {
  return [
    ...[...models.values()].filter(isDrawn).map(
      (model): CatalogueEntry => ({
        modelId: model.id,
        modelName: model.name,
        providerName: providerName(model.id),
        baseModelId: model.id,
        customizationsSupported: ['FINE_TUNING'],
        inferenceTypesSupported: ['ON_DEMAND', 'PROVISIONED'],
        tasks: 'all',
      }),
    ),
    ...compatibility.map(row => ({ ...row, baseModelId: modelMap[row.modelId] ?? embeddedId })),
  ];
}

/** Whether it draws; the others only prepare pictures. */
function isDrawn({ family }: BaseModel): boolean {
  return preparingFamilies[family] === undefined;
}

/** `likeness.art-v1` -> `Likeness`. */
function providerName(modelId: string): string {
  const provider = modelId.slice(0, modelId.indexOf('.'));
  return provider.charAt(0).toUpperCase() + provider.slice(1);
}
