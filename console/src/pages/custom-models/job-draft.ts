import type { Tag } from '../../app/tags-field.tsx';

/** The form of a fine-tuning job, as it is typed. */
export interface JobDraft {
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
  otherHyperparameters: Tag[];
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
  otherHyperparameters: [],
  output: '',
  isNewRole: true,
  roleArn: '',
  newRoleName: '',
};

export interface SectionProps {
  draft: JobDraft;
  change(part: Partial<JobDraft>): void;
}
