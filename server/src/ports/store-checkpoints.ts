/** What is kept beside a model's own weights, until its time is over or the model is deleted. */
export interface CheckpointRow {
  /** Their id in the model store. */
  weightsId: string;
  /** The model that the training made, or would have made; its ARN and key encrypt them. */
  modelId: string;
  /** A copy is on its way to a model of its own, which no row names yet; samples are the pictures of a training. */
  kind: 'checkpoint' | 'copy' | 'samples';
  /** Finished steps of a checkpoint; null for the others. */
  step: number | null;
  expiresAt: number;
}

export interface CheckpointRows {
  /** Before the weights are saved, so that no sweep takes them for nobody's. Those of the same ids are replaced. */
  insertCheckpoints(checkpoints: readonly CheckpointRow[]): Promise<void>;
  /** By step. */
  checkpointsOf(modelId: string, now: number): Promise<(CheckpointRow & { step: number })[]>;
  samplesOf(modelId: string, now: number): Promise<CheckpointRow | undefined>;
  /** Checkpoints and samples; copies go on. @returns the ids of the weights that no row names now */
  deleteCheckpointsOf(modelId: string): Promise<string[]>;
  deleteCheckpoint(weightsId: string): Promise<void>;
  /** @returns the models that they were of */
  deleteCheckpointsDue(now: number): Promise<string[]>;
}
