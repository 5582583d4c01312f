import {
  CreateModelCustomizationJobCommand,
  type CreateModelCustomizationJobCommandInput,
  ListCustomModelsCommand,
  ListModelCustomizationJobsCommand,
} from '@aws-sdk/client-bedrock';
import { isName } from '../../app/names.ts';
import { filledTags } from '../../app/tags-field.tsx';
import { bedrock } from '../../aws/bedrock.ts';
import { placeOf } from '../../aws/s3-uri.ts';
import { hyperParametersOf, type JobDraft, problemsOf, type SectionProps } from './job-draft.ts';
import { labelOf } from './job-options.ts';
import { createServiceRole } from './service-access.tsx';

type NameMember = 'jobName' | 'modelName';

/** A name that the form asks for belongs to another job or model already. */
class NameTaken extends Error {
  readonly member: NameMember;
  readonly value: string;

  constructor(member: NameMember, value: string) {
    super(`The name ${value} is taken.`);
    this.member = member;
    this.value = value;
  }
}

/** What to say at the field of a name that was refused as taken, until it is another. */
export function takenNames(error: unknown, draft: JobDraft): ReadonlyMap<NameMember, string> {
  if (!(error instanceof NameTaken) || draft[error.member] !== error.value) return new Map();
  const what = error.member === 'jobName' ? 'job' : 'custom model';
  return new Map([[error.member, `There is a ${what} of this name already: choose another.`]]);
}

/** What keeps the job from being created, as the form calls it. */
export function missingParts(draft: JobDraft, taken: ReadonlyMap<NameMember, string>): string[] {
  const { trainingData, validationData } = draft;
  const isObject = (uri: string) => placeOf(uri).key !== '';
  const wrong: [string, boolean][] = [
    ['fine-tuned model name', !isName('model', draft.modelName) || taken.has('modelName')],
    ['job name', !isName('job', draft.jobName) || taken.has('jobName')],
    ['training dataset', !isObject(trainingData)],
    ['validation dataset', validationData !== '' && !isObject(validationData)],
    ['number of steps', !draft.isAutomatic && draft.stepCount === ''],
    ['output location', placeOf(draft.output).bucket === ''],
    ['service role', draft.isNewRole ? !isName('role', draft.newRoleName) : draft.roleArn === ''],
  ];
  return [
    ...wrong.filter(([, isSo]) => isSo).map(([name]) => name),
    ...[...problemsOf(draft).keys()].map(name => labelOf(name).toLowerCase()),
  ];
}

/** @returns the job's name @throws NameTaken, and what the service refuses */
export async function submitJob(draft: JobDraft, change: SectionProps['change']): Promise<string> {
  // A role that is made for a job that is then refused is left behind: what can be known is asked before.
  if (draft.isNewRole) await refuseTaken(draft);
  const roleArn = draft.isNewRole ? await createServiceRole(draft) : draft.roleArn;
  // Where the job is refused all the same, the next try finds the role that this one made.
  if (draft.isNewRole) change({ isNewRole: false, roleArn });
  try {
    await bedrock().send(new CreateModelCustomizationJobCommand(requestOf(draft, roleArn)));
  } catch (error) {
    const [, what] = /provided (job|custom model) name is currently in use/.exec(String(error)) ?? [];
    if (what === undefined) throw error;
    const member = what === 'job' ? 'jobName' : 'modelName';
    throw new NameTaken(member, draft[member]);
  }
  return draft.jobName;
}

/** @throws NameTaken; whoever may not list learns it from the service */
async function refuseTaken({ jobName, modelName }: JobDraft): Promise<void> {
  const [jobs, models] = await Promise.allSettled([
    bedrock().send(new ListModelCustomizationJobsCommand({ nameContains: jobName, maxResults: 1000 })),
    bedrock().send(new ListCustomModelsCommand({ nameContains: modelName, maxResults: 1000 })),
  ]);
  const found = {
    jobs: jobs.status === 'fulfilled' ? (jobs.value.modelCustomizationJobSummaries ?? []) : [],
    models: models.status === 'fulfilled' ? (models.value.modelSummaries ?? []) : [],
  };
  if (found.models.some(model => model.modelName === modelName)) throw new NameTaken('modelName', modelName);
  if (found.jobs.some(job => job.jobName === jobName)) throw new NameTaken('jobName', jobName);
}

function requestOf(draft: JobDraft, roleArn: string): CreateModelCustomizationJobCommandInput {
  const list = (text: string) => text.split(/[\s,]+/).filter(part => part !== '');
  const [subnetIds, securityGroupIds] = [list(draft.subnetIds), list(draft.securityGroupIds)];
  const [jobTags, customModelTags] = [filledTags(draft.jobTags), filledTags(draft.modelTags)];
  return {
    jobName: draft.jobName,
    customModelName: draft.modelName,
    roleArn,
    baseModelIdentifier: draft.baseModelId,
    customizationType: 'FINE_TUNING',
    trainingDataConfig: { s3Uri: draft.trainingData },
    outputDataConfig: { s3Uri: draft.output },
    hyperParameters: hyperParametersOf(draft),
    ...(draft.validationData !== '' && { validationDataConfig: { validators: [{ s3Uri: draft.validationData }] } }),
    ...(draft.isEncrypted && draft.keyId !== '' && { customModelKmsKeyId: draft.keyId }),
    ...(subnetIds.length + securityGroupIds.length > 0 && { vpcConfig: { subnetIds, securityGroupIds } }),
    ...(jobTags.length > 0 && { jobTags }),
    ...(customModelTags.length > 0 && { customModelTags }),
  };
}
