/** That a job, a Provisioned Throughput or a deployment went into another state. */
export interface StateChange {
  /** Grows with each change of the installation. */
  sequence: number;
  /** A UUID; the same however often the change is told. */
  eventId: string;
  kind: 'customizationJob' | 'batchJob' | 'copyJob' | 'importJob' | 'creation' | 'throughput' | 'deployment';
  accountId: string;
  region: string;
  status: string;
  /** Milliseconds since the epoch. */
  changedAt: number;
  /** The row as it was just then. */
  facts: Readonly<Record<string, unknown>>;
}

/** An event as EventBridge hands it to its targets. */
export interface Event {
  version: '0';
  id: string;
  'detail-type': string;
  source: 'aws.bedrock';
  account: string;
  /** ISO 8601, to the second. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

const DETAIL_TYPES: Readonly<Record<StateChange['kind'], string>> = {
  customizationJob: 'Model Customization Job State Change',
  batchJob: 'Batch Inference Job State Change',
  // AWS documents none for these; named after their resources, as the others are.
  copyJob: 'Model Copy Job State Change',
  importJob: 'Model Import Job State Change',
  creation: 'Custom Model State Change',
  throughput: 'Provisioned Model Throughput State Change',
  deployment: 'Custom Model Deployment State Change',
};

/** A change of state in EventBridge's shape. */
export function eventOf(change: StateChange): Event {
  const { eventId, kind, accountId, region, changedAt, facts } = change;
  const arn = facts.jobArn ?? facts.provisionedModelArn ?? facts.deploymentArn;
  return {
    version: '0',
    id: eventId,
    'detail-type': DETAIL_TYPES[kind],
    source: 'aws.bedrock',
    account: accountId,
    time: `${new Date(changedAt).toISOString().slice(0, 19)}Z`,
    region,
    resources: [String(arn)],
    detail: withoutNulls(DETAILS[kind](change)),
  };
}

const modelJobDetail = ({ status, facts }: StateChange): Record<string, unknown> => {
  const { modelArn: sourceModelArn, s3Uri } = facts.source as { modelArn?: string; s3Uri?: string };
  return {
    version: '0.0',
    jobName: facts.jobName,
    jobArn: facts.jobArn,
    status,
    failureMessage: facts.failureMessage,
    sourceModelArn,
    modelDataSource: s3Uri === undefined ? null : { s3DataSource: { s3Uri } },
    targetModelName: facts.modelName,
    targetModelArn: facts.modelArn,
    creationTime: iso(facts.createdAt),
    lastModifiedTime: iso(facts.lastModifiedAt),
    endTime: iso(facts.endedAt),
  };
};

const DETAILS: Readonly<Record<StateChange['kind'], (change: StateChange) => Record<string, unknown>>> = {
  customizationJob: ({ status, facts }) => ({
    version: '0.0',
    jobName: facts.jobName,
    jobArn: facts.jobArn,
    outputModelName: facts.customModelName,
    // The model is there from the moment on that the job is Completed.
    outputModelArn: status === 'Completed' ? facts.customModelArn : null,
    roleArn: facts.roleArn,
    jobStatus: status,
    failureMessage: facts.failureMessage,
    creationTime: iso(facts.createdAt),
    lastModifiedTime: iso(facts.lastModifiedAt),
    endTime: iso(facts.endedAt),
    baseModelArn: (facts.parentModel as { modelArn: string } | null | undefined)?.modelArn ?? facts.foundationModelArn,
    hyperParameters: facts.hyperParameters,
    trainingDataConfig: { s3Uri: facts.trainingDataS3Uri },
    validationDataConfig: { validators: facts.validationDataS3Uri ? [{ s3Uri: facts.validationDataS3Uri }] : [] },
    outputDataConfig: { s3Uri: facts.outputDataS3Uri },
  }),
  batchJob: ({ accountId, status, facts }) => ({
    version: '0.0',
    accountId,
    batchJobName: facts.jobName,
    batchJobArn: facts.jobArn,
    batchModelId: facts.modelId,
    status,
    failureMessage: facts.failureMessage,
    creationTime: iso(facts.createdAt),
  }),
  copyJob: modelJobDetail,
  importJob: modelJobDetail,
  creation: modelJobDetail,
  throughput: ({ status, facts }) => ({
    version: '0.0',
    provisionedModelName: facts.provisionedModelName,
    provisionedModelArn: facts.provisionedModelArn,
    modelArn: facts.modelArn,
    desiredModelArn: facts.desiredModelArn,
    modelUnits: facts.modelUnits,
    desiredModelUnits: facts.desiredModelUnits,
    status,
    failureMessage: facts.failureMessage,
    creationTime: iso(facts.createdAt),
    lastModifiedTime: iso(facts.lastModifiedAt),
  }),
  deployment: ({ status, facts }) => ({
    version: '0.0',
    modelDeploymentName: facts.deploymentName,
    customModelDeploymentArn: facts.deploymentArn,
    modelArn: facts.modelArn,
    status,
    updateModelArn: facts.updateModelArn,
    updateStatus: facts.updateStatus,
    failureMessage: facts.failureMessage,
    creationTime: iso(facts.createdAt),
    lastUpdatedTime: iso(facts.lastModifiedAt),
  }),
};

function iso(milliseconds: unknown): string | null {
  return typeof milliseconds === 'number' ? new Date(milliseconds).toISOString() : null;
}

function withoutNulls(detail: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(detail).filter(([, value]) => value !== null && value !== undefined));
}
