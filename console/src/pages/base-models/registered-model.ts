import { callRoute } from '../../aws/clients.ts';

/** As `/registered-models` tells of one (docs/guides/likeness-routes.md). */
export interface RegisteredModel {
  id: string;
  /** On the machine of the service. */
  path: string;
  licence: string;
  origin: 'embedded' | 'setting' | 'registered';
  facts: {
    family: string;
    resolution: number;
    tasks: string[];
    parameters: number;
    sizeBytes: number;
    memoryBytes: number;
  } | null;
  /** Why it does not answer. */
  problem: string | null;
}

/** All of the installation, the embedded one first. @throws ServiceError to whoever may not see them */
export async function registeredModels(): Promise<RegisteredModel[]> {
  const answer = await callRoute<{ registeredModels: RegisteredModel[] }>({
    method: 'GET',
    path: '/registered-models',
  });
  return answer.registeredModels;
}

const FAMILIES: Readonly<Record<string, string>> = {
  art: 'Likeness Art',
  'stable-diffusion': 'Stable Diffusion 1.x, 2.x',
  'stable-diffusion-xl': 'Stable Diffusion XL',
  'stable-diffusion-3': 'Stable Diffusion 3',
  flux: 'FLUX.1',
  blip: 'BLIP',
  clipseg: 'CLIPSeg',
};

export function familyName({ facts }: RegisteredModel): string {
  return facts === null ? '–' : (FAMILIES[facts.family] ?? facts.family);
}

const TASKS: Readonly<Record<string, string>> = {
  TEXT_IMAGE: 'Text to image',
  IMAGE_VARIATION: 'Image variation',
  INPAINTING: 'Inpainting',
  OUTPAINTING: 'Outpainting',
  COLOR_GUIDED_GENERATION: 'Colour-guided generation',
  BACKGROUND_REMOVAL: 'Background removal',
  SMART_CROP: 'Smart crop',
  CAPTION: 'Captions for data sets',
  MASK: 'Masks for data sets',
};

export function taskNames(tasks: readonly string[]): string {
  return tasks.map(task => TASKS[task] ?? task).join(', ');
}

/** Of one that only prepares pictures. */
export function isPreparing(tasks: readonly string[]): boolean {
  return tasks.every(task => task === 'CAPTION' || task === 'MASK');
}
