import type { FaultKind } from '../../domain/fault.ts';
import type { Operation, ServiceFault, ServiceModule } from '../../domain/operation.ts';
import { signedCrossOrigin } from '../../domain/signed-cross-origin.ts';
import { absentThings } from './absent-things.ts';
import { detectGeneratedContent } from './detect-generated-content.ts';
import { type BedrockRuntimeDependencies, invokeModel, LATENCY_HEADER } from './invoke-model.ts';
import { refusedOperations } from './refused.ts';

/** Codes and statuses of the runtime (botocore 1.44.5): not ready is 429, a model's error 424, its timeout 408. */
const faults: Readonly<Record<FaultKind, ServiceFault>> = {
  invalid: { code: 'ValidationException', status: 400 },
  unsupported: { code: 'ValidationException', status: 400 },
  notFound: { code: 'ResourceNotFoundException', status: 404 },
  denied: { code: 'AccessDeniedException', status: 403 },
  conflict: { code: 'ConflictException', status: 400 },
  quota: { code: 'ServiceQuotaExceededException', status: 400 },
  throttled: { code: 'ThrottlingException', status: 429 },
  notReady: { code: 'ModelNotReadyException', status: 429 },
  modelError: { code: 'ModelErrorException', status: 424 },
  modelTimeout: { code: 'ModelTimeoutException', status: 408 },
  unavailable: { code: 'ServiceUnavailableException', status: 503 },
  internal: { code: 'InternalServerException', status: 500 },
};

/** Of InvokeModel's answer: what no body says. */
const ANSWER_HEADERS = [LATENCY_HEADER, 'x-amzn-bedrock-performanceconfig-latency', 'x-amzn-bedrock-service-tier'];

/** The runtime of Bedrock: InvokeModel, DetectGeneratedContent, and what it says of all that an image model does not have. */
export function createBedrockRuntimeService(deps: BedrockRuntimeDependencies): ServiceModule {
  return {
    scope: 'bedrock',
    crossOrigin: signedCrossOrigin(ANSWER_HEADERS),
    operations: {
      ...invokeModel(deps),
      ...detectGeneratedContent(deps),
      ...absentThings,
      ...refusedOperations(deps),
    } satisfies Record<string, Operation<never, unknown>>,
    faultFor: kind => faults[kind],
  };
}
