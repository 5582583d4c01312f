import type { BedrockScope, ListOptions, Page, Tag } from './bedrock-lists.ts';

export type DeploymentStatus = 'Creating' | 'Active' | 'Failed';

export interface NewDeployment extends BedrockScope {
  deploymentId: string;
  deploymentArn: string;
  deploymentName: string;
  description: string | null;
  /** Of a custom model of the same account and Region. */
  modelArn: string;
  tags: Tag[];
  createdAt: number;
}

/** `modelArn` serves now; `update.modelArn` shall, or should have. */
export interface DeploymentRow extends NewDeployment {
  status: DeploymentStatus;
  failureMessage: string | null;
  update: { modelArn: string; status: 'Updating' | 'UpdateCompleted' | 'UpdateFailed' } | null;
  lastUpdatedAt: number;
  /** Grows with each UpdateCustomModelDeployment. */
  generation: number;
}

/** Custom models deployed on demand. */
export interface DeploymentRows {
  /** @throws (unique index) when the name is taken: look first, in the same transaction. */
  insertDeployment(deployment: NewDeployment): Promise<void>;
  deploymentById(scope: BedrockScope, deploymentId: string): Promise<DeploymentRow | undefined>;
  deploymentByName(scope: BedrockScope, deploymentName: string): Promise<DeploymentRow | undefined>;
  listDeployments(
    scope: BedrockScope,
    options: ListOptions & { status?: DeploymentStatus | undefined; modelArn?: string | undefined },
  ): Promise<Page<DeploymentRow>>;
  /** Every account and Region, for the loops. */
  listAllDeployments(): Promise<DeploymentRow[]>;
  /** Those that are Creating or Updating. */
  countDeploymentsInProgress(scope: BedrockScope): Promise<number>;
  /** Serves, or shall serve, that model. */
  deploymentUsesModel(modelArn: string): Promise<boolean>;
  /** Active and not Updating -> Updating; generation + 1. False otherwise. */
  requestDeploymentUpdate(deploymentId: string, modelArn: string, now: number): Promise<boolean>;
  /** False: deleted, or updated since `generation`. */
  advanceDeployment(
    deploymentId: string,
    generation: number,
    patch: Partial<Pick<DeploymentRow, 'status' | 'failureMessage' | 'modelArn' | 'update'>> & {
      lastUpdatedAt: number;
    },
  ): Promise<boolean>;
  deleteDeployment(deploymentId: string): Promise<boolean>;
}
