/** What the demo does, in figures and names. Seeds are fixed: the same machine draws the same pictures again. */
export const plan = {
  modelId: 'amazon.titan-image-generator-v1:0',
  /** The seed system's two entries: this one answers on demand. */
  onDemandModelId: 'amazon.titan-image-generator-v1',
  steps: 350,
  batchSize: 8,
  learningRate: '0.00001',
  width: 512,
  height: 512,
  seed: 7,
  jobName: 'ron-and-smila',
  roleName: 'AmazonBedrockFineTuning-ron-and-smila',
  policyName: 'ron-and-smila-data',
  prompts: [
    'Ron the dog wearing a superhero cape',
    'Ron the dog on the moon',
    'Ron the dog in a swimming pool with sunglasses',
    'Smila the cat on the snow',
    'Smila the cat in black and white staring at the camera',
    'Smila the cat wearing a Christmas hat',
    'Ron the dog and Smila the cat in a swimming pool',
  ],
} as const;

/** One row of the page: the same prompt and seed, before and after. */
export interface Comparison {
  prompt: string;
  /** PNG. */
  before: Uint8Array;
  after: Uint8Array;
}

export interface Timing {
  what: string;
  seconds: number;
}

export interface DemoResult {
  comparisons: Comparison[];
  /** Some of the training pictures, JPEG. */
  samples: Uint8Array[];
  imageCount: number;
  losses: { step: number; loss: number }[];
  timings: Timing[];
  steps: number;
  bucket: string;
  accountId: string;
  region: string;
  provisionedModelArn: string;
  customModelArn: string;
  /** What to type to serve the result again. */
  upCommand: string;
  envCommand: string;
}
