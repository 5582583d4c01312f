import type { ImageTask, InvokeAnswer } from './inference.ts';

/** What the credentials of a picture say beside what its answer holds. */
export interface Provenance {
  task: ImageTask;
  /** Images that the request brought. */
  inputImageCount: number;
  /** Name of the base model, and the ARN of what drew: the base, or the custom model on it. */
  baseModelId: string;
  modelArn: string;
}

/** Signs who drew a picture into it: C2PA Content Credentials. */
export interface ContentCredentials {
  /**
   * The same answer with credentials in its images, not in its mask; where they are switched off, as it came.
   * @throws Fault internal for an image that is no PNG
   */
  sign(answer: InvokeAnswer, provenance: Provenance): Promise<InvokeAnswer>;
}
