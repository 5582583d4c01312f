/** The family that serves each pipeline class of a diffusers folder's model_index.json. */
export const familyOfPipeline: Readonly<Record<string, string>> = {
  LikenessArtPipeline: 'art',
  StableDiffusionPipeline: 'stable-diffusion',
  StableDiffusionXLPipeline: 'stable-diffusion-xl',
  StableDiffusion3Pipeline: 'stable-diffusion-3',
  FluxPipeline: 'flux',
};

/** Families whose denoiser reads a text beside the picture, not mixed with it: what its words name can be found there. */
export const familiesThatFindByWords: readonly string[] = ['art', 'stable-diffusion'];
