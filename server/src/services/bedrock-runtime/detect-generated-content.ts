// Gaps: no content but images; Content Credentials are not looked at.
// By design: a model of this server is not asked for: every one draws the same mark, and the embedded one looks for it.
// Client quirks: no published SDK has the operation; clients sign it by hand, or with a model of the preview.
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn, foundationModelId } from '../../domain/foundation-model.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { Watermark } from '../../ports/inference.ts';
import { readImageBytes } from './input-image.ts';
import type { BedrockRuntimeDependencies } from './invoke-model.ts';

/** As clients of AWS's preview send it; docs/decisions/0036-detect-generated-content.md says what is known of it. */
interface DetectGeneratedContentRequest {
  foundationModelId?: string | undefined;
  content?: { imageContent?: { bytes?: Uint8Array | undefined } | undefined } | undefined;
}

interface DetectGeneratedContentResponse {
  detectionResult: 'GENERATED' | 'NOT_GENERATED';
  confidenceLevel: 'HIGH' | 'MEDIUM' | 'LOW';
}

const MEMBER = 'content.imageContent.bytes';

export function detectGeneratedContent({
  baseModels,
  capacity,
}: Pick<BedrockRuntimeDependencies, 'baseModels' | 'capacity'>) {
  function refuseUnknownModel(identifier: string, ctx: RequestContext): void {
    const id = foundationModelId(identifier, ctx.region);
    if (!baseModels.catalogue().some(row => row.modelId === id))
      throw new Fault('notFound', 'Could not resolve the foundation model from the provided model identifier.', {
        resource: identifier,
      });
  }

  return {
    DetectGeneratedContent: {
      authorize({ foundationModelId: id }, ctx) {
        refuseOtherTypes(id);
        if (id === undefined) return [{ resource: '*' }];
        return [{ resource: id.startsWith('arn:') ? id : foundationModelArn(ctx.region, id) }];
      },
      async handle({ foundationModelId: id, content }, ctx) {
        if (id !== undefined) refuseUnknownModel(id, ctx);
        const sent: unknown = content?.imageContent?.bytes;
        if (!(sent instanceof Uint8Array) || sent.byteLength === 0)
          throw new Fault('invalid', `${MEMBER} is required: the base64 of a JPEG or PNG image.`);
        const bytes = Buffer.from(sent);
        readImageBytes(bytes, MEMBER, limits.detectionImage);
        const looker = baseModels.catalogue()[0];
        if (looker === undefined) throw new Fault('unavailable', 'No base model is registered that could look.');
        return verdict(await look(looker.baseModelId, bytes.toString('base64'), ctx.signal));
      },
    } satisfies Operation<DetectGeneratedContentRequest, DetectGeneratedContentResponse>,
  };

  /** What only decoding shows is said of the member that the caller sent. */
  async function look(baseModelId: string, image: string, signal: AbortSignal): Promise<Watermark> {
    try {
      return await capacity.detectWatermark(baseModelId, image, signal);
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'invalid') throw error;
      throw new Fault('invalid', `${error.message.replace('images[0]', MEMBER)}.`, { cause: error });
    }
  }
}

/** The constraints that are generated from botocore's models know nothing of this operation. */
function refuseOtherTypes(id: unknown): void {
  if (id !== undefined && (typeof id !== 'string' || id.length < 1 || id.length > 2048))
    throw new Fault('invalid', 'foundationModelId must be a string of 1 to 2048 characters.');
}

function verdict({ isFound, score, rightBits }: Watermark): DetectGeneratedContentResponse {
  if (!isFound) return { detectionResult: 'NOT_GENERATED', confidenceLevel: score < 6 ? 'HIGH' : 'LOW' };
  const confidenceLevel = score >= 14 && rightBits >= 62 ? 'HIGH' : score >= 9 && rightBits >= 56 ? 'MEDIUM' : 'LOW';
  return { detectionResult: 'GENERATED', confidenceLevel };
}
