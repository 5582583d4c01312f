import type { ListedBaseModel } from './base-models.ts';

/** The base models of the installation, as its first account administers them. */
export interface RegisteredModels {
  /** The embedded one and those of settings too, with facts where their folders are whole. */
  list(): Promise<ListedBaseModel[]>;
  /**
   * @param request path: an absolute one on the server's machine
   * @throws Fault invalid for what is no whole base model or no id; conflict where the id is taken
   */
  add(request: { path: string; id: string | null; licence: string | null }): Promise<ListedBaseModel>;
  /** @throws Fault notFound; conflict with what uses it: unfinished jobs, Provisioned Throughput, deployments */
  remove(baseModelId: string): Promise<void>;
}
