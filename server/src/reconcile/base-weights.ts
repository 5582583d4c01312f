import { Fault } from '../domain/fault.ts';
import type { BaseModels } from '../ports/base-models.ts';
import type { ServableModel } from '../ports/inference.ts';
import type { Log } from '../ports/log.ts';

/**
 * A LoRA is a difference to the weights that it was trained on; on others it draws noise that looks like a bad training.
 * So a base that was replaced under its id is told by the digest of its weights. Of older rows it is unknown: those are
 * served, with a warning.
 * @throws Fault invalid that names both digests and what to do
 */
export async function refuseOtherWeights(
  model: ServableModel,
  { baseModels, log }: { baseModels: BaseModels; log: Log },
): Promise<void> {
  // A whole model brought its base along.
  if (model.method === 'whole') return;
  const base = baseModels.get(model.baseModelId);
  if (!base) return;
  const { modelArn, baseModelId, baseWeightsSha256: trainedOn } = model;
  if (!trainedOn) {
    log.warn({ modelArn, baseModelId }, 'not known which weights of its base this model was trained on');
    return;
  }
  const installed = await baseModels.weightsDigest(base.path);
  if (installed !== trainedOn) throw otherWeights(modelArn, baseModelId, trainedOn, installed);
}

function otherWeights(modelArn: string, baseModelId: string, trainedOn: string, installed: string): Fault {
  return new Fault(
    'invalid',
    `The custom model ${modelArn} was trained on other weights of ${baseModelId} (sha256 ${trainedOn}) than those installed now (sha256 ${installed}), and does not fit them. ` +
      'Train it again: create a customization job with the same training data and hyperparameters (GetCustomModel tells both); or install the earlier weights again.',
  );
}
