/**
 * The product's own routes under `/_likeness/v1`, for what AWS has no operation for. To add some: a file here that makes
 * `Route[]` (domain/route.ts), and a line in `createLikenessRoutes`; docs/guides/likeness-routes.md says what each does.
 *
 * Gaps: none known.
 * By design: a route is signed as service `likeness` and authorised as `likeness:` actions by the same engine as AWS's own.
 * Client quirks: none; no SDK knows these routes, so clients sign by hand or with their SDK's signer.
 */
import type { Route } from '../../domain/route.ts';
import { accountRoutes } from './accounts.ts';
import { baseModelRoutes } from './base-models.ts';
import { checkpointRoutes } from './checkpoints.ts';
import { dataFolderRoutes } from './data-folder.ts';
import type { LikenessDependencies } from './dependencies.ts';
import { doctorRoutes } from './doctor.ts';
import { estimateRoutes } from './estimate.ts';
import { healthRoutes } from './health.ts';
import { jobRoutes } from './jobs.ts';
import { modelRoutes } from './models.ts';
import { policyCheckRoutes } from './policy-checks.ts';
import { preparingRoutes } from './preparing.ts';
import { quotaRoutes } from './quotas.ts';
import { registeredModelRoutes } from './registered-models.ts';
import { sampleRoutes } from './samples.ts';
import { serviceRoleRoutes } from './service-roles.ts';
import { signInRoutes } from './sign-in.ts';
import { trailRoutes } from './trail.ts';
import { usageRoutes } from './usage.ts';

export function createLikenessRoutes(deps: LikenessDependencies): Route[] {
  return [
    ...healthRoutes(deps),
    ...doctorRoutes(deps),
    ...dataFolderRoutes(deps),
    ...baseModelRoutes(deps),
    ...registeredModelRoutes(deps),
    ...accountRoutes(deps),
    ...signInRoutes(deps),
    ...serviceRoleRoutes(deps),
    ...policyCheckRoutes(deps),
    ...jobRoutes(deps),
    ...checkpointRoutes(deps),
    ...sampleRoutes(deps),
    ...modelRoutes(deps),
    ...trailRoutes(deps),
    ...quotaRoutes(deps),
    ...usageRoutes(deps),
    ...estimateRoutes(deps),
    ...preparingRoutes(deps),
  ];
}
