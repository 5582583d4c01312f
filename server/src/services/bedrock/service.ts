import type { FaultKind } from '../../domain/fault.ts';
import type { Operation, ServiceFault, ServiceModule } from '../../domain/operation.ts';
import { signedCrossOrigin } from '../../domain/signed-cross-origin.ts';
import { absentThings } from './absent-things.ts';
import { batchJobs } from './batch-jobs.ts';
import { customModels } from './custom-models.ts';
import { customizationJobs } from './customization-jobs.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { foundationModels } from './foundation-models.ts';
import { importedModels } from './imported-models.ts';
import { inferenceProfiles } from './inference-profiles.ts';
import { invocationLogging } from './invocation-logging.ts';
import { modelAccess } from './model-access.ts';
import { modelCopies } from './model-copies.ts';
import { modelDeployments } from './model-deployments.ts';
import { modelImports } from './model-imports.ts';
import { provisionedThroughput } from './provisioned-throughput.ts';
import { resourcePolicies } from './resource-policies.ts';
import { tagOperations } from './tags.ts';

/** Codes and statuses of the control plane. AWS: conflict, quota and too many tags are 400 here (botocore 1.44.5). */
const faults: Readonly<Record<FaultKind, ServiceFault>> = {
  invalid: { code: 'ValidationException', status: 400 },
  unsupported: { code: 'ValidationException', status: 400 },
  notFound: { code: 'ResourceNotFoundException', status: 404 },
  denied: { code: 'AccessDeniedException', status: 403 },
  conflict: { code: 'ConflictException', status: 400 },
  quota: { code: 'ServiceQuotaExceededException', status: 400 },
  throttled: { code: 'ThrottlingException', status: 429 },
  notReady: { code: 'ThrottlingException', status: 429 },
  modelError: { code: 'InternalServerException', status: 500 },
  modelTimeout: { code: 'InternalServerException', status: 500 },
  unavailable: { code: 'ServiceUnavailableException', status: 503 },
  internal: { code: 'InternalServerException', status: 500 },
};

/** The control plane of Bedrock: customization jobs, custom models, their capacity, the catalogue, tags. */
export function createBedrockService(deps: BedrockDependencies): ServiceModule {
  return {
    scope: 'bedrock',
    crossOrigin: signedCrossOrigin(),
    operations: {
      ...customizationJobs(deps),
      ...customModels(deps),
      ...modelCopies(deps),
      ...modelImports(deps),
      ...importedModels(deps),
      ...modelDeployments(deps),
      ...batchJobs(deps),
      ...provisionedThroughput(deps),
      ...foundationModels(deps),
      ...modelAccess(deps),
      ...invocationLogging(deps),
      ...inferenceProfiles,
      ...absentThings,
      ...resourcePolicies(deps),
      ...tagOperations(deps),
    } satisfies Record<string, Operation<never, unknown>>,
    faultFor: kind => faults[kind],
  };
}
