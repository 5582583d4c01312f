/** Weights kept beside a model's own: checkpoints of its training, until their time is over or the model is deleted. */
export interface CheckpointRow {
  /** Their id in the model store. */
  weightsId: string;
  /** The model that the training made; its ARN and key encrypt them. */
  modelId: string;
  /** Finished steps; null: no checkpoint, but weights on their way to a model of their own, which no row names yet. */
  step: number | null;
  expiresAt: number;
}

export interface CheckpointRows {
  /** Before the weights are saved, so that no sweep takes them for nobody's. Those of the same ids are replaced. */
  insertCheckpoints(checkpoints: readonly CheckpointRow[]): Promise<void>;
  /** By step. */
  checkpointsOf(modelId: string, now: number): Promise<(CheckpointRow & { step: number })[]>;
  /** @returns the ids of the weights that no row names now */
  deleteCheckpointsOf(modelId: string): Promise<string[]>;
  deleteCheckpoint(weightsId: string): Promise<void>;
  deleteCheckpointsDue(now: number): Promise<void>;
}
