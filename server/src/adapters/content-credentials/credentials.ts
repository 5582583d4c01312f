import { createHash } from 'node:crypto';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { Fault } from '../../domain/fault.ts';
import type { ContentCredentials } from '../../ports/content-credentials.ts';
import { claimSigner } from './claim-signer.ts';
import { manifestStore } from './manifest.ts';
import { chunkLength, isPng, MANIFEST_AT, withManifest } from './png.ts';
import { loadSigningPair, type SigningPairOptions } from './signing-pair.ts';

/**
 * Credentials signed in this process: the key is in its memory and in a file that workers, which load models of users,
 * do not see in their sandbox.
 * @param version of the product, for the claim
 * @throws Error in one line for a certificate or key that cannot be used
 */
export async function openContentCredentials(
  options: SigningPairOptions & { version: string },
): Promise<ContentCredentials> {
  const sign = claimSigner(await loadSigningPair(options));
  const generator = { name: 'Likeness', version: options.version };
  return {
    async sign(answer, provenance) {
      const images: string[] = [];
      for (const image of answer.images) {
        // A large picture's hash takes milliseconds, in which nobody else is answered.
        if (images.length > 0) await yieldToOthers();
        const png = Buffer.from(image, 'base64');
        if (!isPng(png)) throw new Fault('internal', 'a picture to be signed is no PNG');
        const store = manifestStore({
          ...{ ...provenance, generator, sign, isWatermarked: answer.isWatermarked },
          fileSha256: createHash('sha256').update(png).digest(),
          excludedAt: MANIFEST_AT,
          excludedLength: chunkLength,
        });
        images.push(withManifest(png, store).toString('base64'));
      }
      return { ...answer, images };
    },
  };
}

/** Where they are switched off. */
export const noContentCredentials: ContentCredentials = { sign: async answer => answer };
