import type { BaseModelRegistry } from '../../src/ports/base-models.ts';

/** For a server whose S3 alone is asked: nothing is looked for on the disk, and what needs a base model fails by saying so. */
export const noBaseModels: BaseModelRegistry = {
  ...{ catalogue: () => [], get: () => undefined, list: () => [], weightsDigest: async () => '' },
  preparer: () => {
    throw new Error('There are no base models here.');
  },
  denoiser: () => Promise.reject(new Error('There are no base models here.')),
  register: () => Promise.reject(new Error('There are no base models here.')),
  deregister: () => Promise.reject(new Error('There are no base models here.')),
};
