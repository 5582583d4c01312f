/** The family that serves each pipeline class of a diffusers folder's model_index.json. */
export const familyOfPipeline: Readonly<Record<string, string>> = {
  LikenessArtPipeline: 'art',
  StableDiffusionPipeline: 'stable-diffusion',
  StableDiffusionXLPipeline: 'stable-diffusion-xl',
  StableDiffusion3Pipeline: 'stable-diffusion-3',
  FluxPipeline: 'flux',
};

/** What a folder does that draws nothing but prepares pictures for a training, by its config.json's model_type. */
export const preparingFamilies: Readonly<Record<string, 'CAPTION' | 'MASK'>> = { blip: 'CAPTION', clipseg: 'MASK' };

/** Families whose denoiser reads a text beside the picture, not mixed with it: what its words name can be found there. */
export const familiesThatFindByWords: readonly string[] = ['art', 'stable-diffusion'];
