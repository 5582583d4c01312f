import type { GetModelCustomizationJobCommandOutput } from '@aws-sdk/client-bedrock';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { numberProblem } from '../../app/number-problem.ts';
import type { Tag } from '../../app/tags-field.tsx';
import { givenOptions, type OptionTexts, optionFields, optionProblem, typedOptions } from './job-options.ts';

/** The form of a fine-tuning job, as it is typed. */
export interface JobDraft {
  /** Of a foundation model, or the ARN of a custom model that is trained further. */
  baseModelId: string;
  modelName: string;
  isEncrypted: boolean;
  keyId: string;
  modelTags: Tag[];
  jobName: string;
  jobTags: Tag[];
  subnetIds: string;
  securityGroupIds: string;
  trainingData: string;
  validationData: string;
  isAutomatic: boolean;
  stepCount: string;
  batchSize: string;
  learningRate: string;
  options: OptionTexts;
  output: string;
  isNewRole: boolean;
  roleArn: string;
  newRoleName: string;
}

export const EMPTY: JobDraft = {
  baseModelId: 'amazon.titan-image-generator-v1:0',
  modelName: '',
  isEncrypted: false,
  keyId: '',
  modelTags: [],
  jobName: '',
  jobTags: [],
  subnetIds: '',
  securityGroupIds: '',
  trainingData: '',
  validationData: '',
  isAutomatic: true,
  stepCount: '',
  batchSize: '8',
  learningRate: '0.00001',
  options: {},
  output: '',
  isNewRole: true,
  roleArn: '',
  newRoleName: '',
};

export interface SectionProps {
  draft: JobDraft;
  change(part: Partial<JobDraft>): void;
}

const bounds = limits.hyperParameters;

/** Whether the job starts from a custom model. */
export function isFurther({ baseModelId }: JobDraft): boolean {
  return baseModelId.includes(':custom-model/');
}

/** What is wrong with each hyperparameter as it is typed, by its name. */
export function problemsOf(draft: JobDraft): ReadonlyMap<string, string> {
  const { stepCount, batchSize, learningRate } = bounds;
  const found: [string, string | undefined][] = [
    ['batchSize', numberProblem(draft.batchSize, { ...batchSize, isWhole: true })],
    ['learningRate', numberProblem(draft.learningRate, { ...learningRate, isWhole: false })],
    ...optionFields.map(
      field => [field.name, optionProblem(field, draft.options[field.name] ?? '')] as [string, string | undefined],
    ),
  ];
  if (!draft.isAutomatic && draft.stepCount !== '')
    found.push(['stepCount', numberProblem(draft.stepCount, { ...stepCount, isWhole: true })]);
  return new Map(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** As a request takes them. */
export function hyperParametersOf(draft: JobDraft): Record<string, string> {
  return {
    stepCount: draft.isAutomatic ? 'auto' : draft.stepCount,
    batchSize: draft.batchSize,
    learningRate: draft.learningRate,
    ...givenOptions(draft.options, isFurther(draft)),
  };
}

/** The form as it must have been filled for a job, but for the names, which are taken, and tags. */
export function draftOf(job: GetModelCustomizationJobCommandOutput): Partial<JobDraft> {
  const { stepCount = '', batchSize, learningRate, ...options } = job.hyperParameters ?? {};
  const { baseModelArn = '', validationDataConfig, vpcConfig, outputModelKmsKeyArn } = job;
  return {
    ...EMPTY,
    baseModelId: baseModelArn.split('foundation-model/')[1] ?? baseModelArn,
    isEncrypted: outputModelKmsKeyArn !== undefined,
    keyId: outputModelKmsKeyArn ?? '',
    subnetIds: vpcConfig?.subnetIds?.join(', ') ?? '',
    securityGroupIds: vpcConfig?.securityGroupIds?.join(', ') ?? '',
    trainingData: job.trainingDataConfig?.s3Uri ?? '',
    validationData: validationDataConfig?.validators?.[0]?.s3Uri ?? '',
    isAutomatic: stepCount === 'auto' || stepCount === '',
    stepCount: stepCount === 'auto' ? '' : stepCount,
    batchSize: batchSize ?? EMPTY.batchSize,
    learningRate: learningRate ?? EMPTY.learningRate,
    options: typedOptions(options),
    output: job.outputDataConfig?.s3Uri ?? '',
    isNewRole: false,
    roleArn: job.roleArn ?? '',
  };
}
