/** What a customization job starts from: a foundation model, or a custom model of one, of which it makes a further version. */
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn, foundationModelId, supportingModel } from '../../domain/foundation-model.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { StartingModel } from '../../domain/training/training-options.ts';
import type { BaseModel, BaseModels, CatalogueEntry } from '../../ports/base-models.ts';
import type { BedrockScope, CustomModelRow, ParentModel } from '../../ports/store-bedrock.ts';
import { findModel, modelQuestion } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { scopeOf } from './identifiers.ts';
import { INVALID_MODEL } from './job-request.ts';

/** PEFT's, in the folder of every custom model that is a LoRA. */
const ADAPTER_CONFIG = 'adapter_config.json';

export interface JobBase {
  /** The catalogue row under all versions. */
  entry: CatalogueEntry;
  base: BaseModel;
  parentModel: ParentModel | null;
  /** What the parent gives and bounds of the hyperparameters. */
  start: StartingModel | null;
}

type Dependencies = Pick<BedrockDependencies, 'store' | 'baseModels' | 'keyring' | 'modelStore'>;

/**
 * Reads what baseModelIdentifier names.
 * @throws Fault invalid with AWS's text where it is unknown or not customizable; by name where a custom model cannot be
 *   trained further, or its key cannot be used
 */
export async function readJobBase(identifier: string, scope: BedrockScope, deps: Dependencies): Promise<JobBase> {
  const foundation = findFoundation(identifier, scope, deps.baseModels);
  if (foundation) return { ...foundation, parentModel: null, start: null };
  const parent = await deps.store.read(rows => findModel(rows, identifier, scope));
  if (!parent) throw new Fault('invalid', INVALID_MODEL);
  const { modelArn, modelName, method, foundationModelId: entryId } = parent;
  if (method === 'whole')
    throw new Fault(
      'invalid',
      `baseModelIdentifier: the custom model ${modelName} brought a whole base of its own; register that as a base model (likeness model add) to train it.`,
    );
  const entry = supportingModel(deps.baseModels.catalogue(), entryId, 'FINE_TUNING');
  const base = deps.baseModels.get(parent.baseModelId);
  if (!entry || !base)
    throw new Fault(
      'invalid',
      `baseModelIdentifier: the base model ${parent.baseModelId} of the custom model ${modelName} is not registered (any more).`,
    );
  // A key that was disabled since makes the model unusable: said now rather than by a Failed job.
  if (parent.keyArn !== null) await deps.keyring.resolve(parent.keyArn, scope.accountId, scope.region);
  const start = { modelName, ...(method === 'lora' ? await readLora(parent, base, deps) : { method }) };
  return { entry, base, parentModel: { modelArn, modelName }, start };
}

/** What the caller must be allowed of the base: the model itself and, of one under a customer's key, to decrypt it. */
export async function jobBaseQuestions(
  identifier: string,
  ctx: RequestContext,
  { store, baseModels, keyring }: Dependencies,
): Promise<[AccessRequest, ...AccessRequest[]]> {
  const scope = scopeOf(ctx);
  const found = findFoundation(identifier, scope, baseModels)
    ? undefined
    : await store.read(async rows => {
        const model = await findModel(rows, identifier, scope);
        return model && { keyArn: model.keyArn, question: await modelQuestion(rows, model) };
      });
  if (found) return [found.question, ...(await keyring.decryptRequests(found.keyArn, ctx))];
  const modelId = foundationModelId(identifier, ctx.region);
  return [{ resource: modelId === undefined ? identifier : foundationModelArn(ctx.region, modelId) }];
}

function findFoundation(
  identifier: string,
  scope: BedrockScope,
  baseModels: BaseModels,
): { entry: CatalogueEntry; base: BaseModel } | undefined {
  const modelId = foundationModelId(identifier, scope.region);
  const entry = modelId === undefined ? undefined : supportingModel(baseModels.catalogue(), modelId, 'FINE_TUNING');
  const base = entry && baseModels.get(entry.baseModelId);
  return entry && base && { entry, base };
}

/** As its own file says: what was imported or copied was trained with options that no row here tells. */
async function readLora(
  parent: CustomModelRow,
  base: BaseModel,
  { modelStore }: Dependencies,
): Promise<{ method: 'lora'; rank: number; alpha: number }> {
  const { accountId, region, keyArn, modelArn: resourceArn } = parent;
  const files = await modelStore.files(parent.modelId, { accountId, region, keyArn, resourceArn });
  const chunks: Uint8Array[] = [];
  for await (const chunk of files.find(({ name }) => name === ADAPTER_CONFIG)?.read() ?? []) chunks.push(chunk);
  const { r: rank, lora_alpha: alpha } = JSON.parse(Buffer.concat(chunks).toString() || '{}');
  if (typeof rank !== 'number' || typeof alpha !== 'number')
    throw new Fault('internal', `The stored weights of model ${parent.modelId} have no ${ADAPTER_CONFIG}.`);
  if (rank > base.lora.maximumRank)
    throw new Fault(
      'invalid',
      `baseModelIdentifier: the custom model ${parent.modelName} is a LoRA of rank ${rank}; ${base.id} is trained with ranks of 1 to ${base.lora.maximumRank}.`,
    );
  return { method: 'lora', rank, alpha };
}
