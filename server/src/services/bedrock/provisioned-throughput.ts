// Gaps: reserved capacity by tokens; changing the number of units (AWS's API has none).
// By design: base models may be bought without a commitment too (nothing is billed here); a commitment is kept as a term:
//   no delete before its end, and no renewal after it (decision 0027). InService is said of a model whose units answer:
//   while they load anew, after a start of the server, it is Creating.
// Client quirks: a name taken is a ValidationException (AWS models no conflict for this create); UpdateProvisioned… has
//   no ConflictException either, so a change at the wrong time is a ValidationException.
import type {
  CreateProvisionedModelThroughputRequest,
  CreateProvisionedModelThroughputResponse,
  DeleteProvisionedModelThroughputRequest,
  DeleteProvisionedModelThroughputResponse,
  GetProvisionedModelThroughputRequest,
  GetProvisionedModelThroughputResponse,
  ListProvisionedModelThroughputsRequest,
  ListProvisionedModelThroughputsResponse,
  ProvisionedModelSummary,
  UpdateProvisionedModelThroughputRequest,
  UpdateProvisionedModelThroughputResponse,
} from '@aws-sdk/client-bedrock';
import { commitmentEnd } from '../../domain/commitment.ts';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn, foundationModelId, supportingModel } from '../../domain/foundation-model.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { keepQuota, quotaText } from '../../domain/quotas.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope, NewThroughput, ThroughputRow } from '../../ports/store-bedrock.ts';
import { findModel, modelQuestion } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { absentArn, findByIdentifier, notFound, resourceArn, resourceTagConditions, scopeOf } from './identifiers.ts';
import { INVALID_MODEL } from './job-request.ts';
import { listOptions, nextToken } from './paging.ts';
import { earlierAnswer, rememberedRequest } from './request-token.ts';
import { readTags, requestTagConditions, taggingQuestions } from './tag-list.ts';

/** A model to serve: the members of a row that follow from it. */
type Servable = Pick<
  NewThroughput,
  'modelArn' | 'foundationModelId' | 'foundationModelArn' | 'baseModelId' | 'purchasedFor'
> & { keyArn: string | null };

type Purchase = BedrockScope &
  Pick<NewThroughput, 'modelUnits' | 'purchasedFor' | 'foundationModelId' | 'commitmentDuration'>;

type Dependencies = Pick<
  BedrockDependencies,
  'store' | 'ids' | 'baseModels' | 'keyring' | 'capacity' | 'quotas' | 'machineUnits' | 'keepsCommitments'
>;

export function provisionedThroughput(deps: Dependencies) {
  const { store, ids, baseModels, keyring, capacity, quotas, machineUnits, keepsCommitments } = deps;

  /** @throws Fault notFound for a custom model that is not there, invalid for an unknown foundation model */
  async function findServable(rows: Rows, identifier: string, scope: BedrockScope): Promise<Servable> {
    const model = await findModel(rows, identifier, scope);
    if (model) {
      const { modelArn, foundationModelId, baseModelId, keyArn } = model;
      // An imported model without one is its own.
      const foundationModelArn = model.foundationModelArn || modelArn;
      return { modelArn, foundationModelId, foundationModelArn, baseModelId, keyArn, purchasedFor: 'customModel' };
    }
    const modelId = foundationModelId(identifier, scope.region);
    const entry = modelId === undefined ? undefined : supportingModel(baseModels.catalogue(), modelId, 'PROVISIONED');
    if (entry) {
      const modelArn = foundationModelArn(scope.region, entry.modelId);
      return {
        modelArn,
        foundationModelId: entry.modelId,
        foundationModelArn: modelArn,
        baseModelId: entry.baseModelId,
        keyArn: null,
        purchasedFor: 'foundationModel',
      };
    }
    // A model id has a dot and a custom model's name has none.
    if (modelId?.includes('.') || identifier.includes(':foundation-model/')) throw new Fault('invalid', INVALID_MODEL);
    throw notFound('custom-model', identifier, scope);
  }

  /** The caller must be allowed the model, and Decrypt with its key where it has one of the customer's. */
  async function modelQuestions(identifier: string, ctx: RequestContext): Promise<AccessRequest[]> {
    const scope = scopeOf(ctx);
    const own = await store.read(async rows => {
      const model = await findModel(rows, identifier, scope);
      return model && { keyArn: model.keyArn, question: await modelQuestion(rows, model) };
    });
    if (own) return [own.question, ...(await keyring.decryptRequests(own.keyArn, ctx))];
    const modelId = foundationModelId(identifier, ctx.region);
    return [{ resource: modelId === undefined ? identifier : foundationModelArn(ctx.region, modelId) }];
  }

  async function question(input: { provisionedModelId: string | undefined }, ctx: RequestContext) {
    const identifier = input.provisionedModelId ?? '';
    const scope = scopeOf(ctx);
    const row = await store.read(rows => findThroughput(rows, identifier, scope));
    if (!row) return [{ resource: absentArn('provisioned-model', identifier, scope) }];
    return [{ resource: row.provisionedModelArn, conditions: resourceTagConditions(row.tags) }];
  }

  async function refuseTaken(rows: Rows, name: string, scope: BedrockScope): Promise<void> {
    if (await rows.bedrock.throughputByName(scope, name))
      throw new Fault('invalid', 'The provided provisioned model name is currently in use.', { resource: name });
  }

  async function refuseOverQuota(rows: Rows, bought: Purchase): Promise<void> {
    const units = bought.modelUnits;
    keepQuota(quotas, 'modelUnitsEach', 0, units);
    const { noCommitmentModelUnits: limit } = quotas;
    if (limit !== null && bought.purchasedFor === 'customModel' && bought.commitmentDuration === null) {
      const own = await rows.bedrock.countNoCommitmentUnits(bought);
      if (own + units > limit)
        // AWS's sentence comes first: clients and their users know it.
        throw new Fault(
          'quota',
          `Your account does not currently have any no commitment model units reserved for ${bought.foundationModelId}. ${quotaText('noCommitmentModelUnits', limit, own)}`,
        );
    }
    const used = await rows.bedrock.countModelUnits();
    if (used + units > machineUnits)
      throw new Fault(
        'quota',
        `This server may run ${machineUnits} model units at once and ${used} are bought; modelUnits ${units} does not fit. Delete a Provisioned Throughput, or raise the limit (LIKENESS_MODEL_UNITS).`,
      );
  }

  return {
    CreateProvisionedModelThroughput: {
      async authorize(input, ctx) {
        const [model, ...key] = await modelQuestions(input.modelId ?? '', ctx);
        const conditions = { ...model?.conditions, ...requestTagConditions(input.tags) };
        const tagging = taggingQuestions(scopeOf(ctx), 'provisioned-model', input.tags);
        return [{ resource: '*', ...model, conditions }, ...tagging, ...key];
      },
      async handle(input, ctx) {
        const request = rememberedRequest(input, ctx, 'invalid');
        const earlier = await earlierAnswer(store, request);
        if (earlier !== undefined) return { provisionedModelArn: earlier };
        const scope = scopeOf(ctx);
        const { modelId = '', provisionedModelName = '', modelUnits = 0, commitmentDuration } = input;
        const { keyArn } = await store.read(rows => findServable(rows, modelId, scope));
        // A key that was disabled since makes the model unusable: said now rather than by a Failed unit.
        if (keyArn !== null) await keyring.resolve(keyArn, scope.accountId, scope.region);
        const provisionedModelId = ids.resource();
        const newArn = resourceArn(scope, 'provisioned-model', provisionedModelId);
        const tags = readTags(input.tags, 'tags', newArn);
        const provisionedModelArn = await store.transaction(async rows => {
          const meanwhile = await request.earlierAnswer(rows);
          if (meanwhile !== undefined) return meanwhile;
          const { keyArn: _key, ...servable } = await findServable(rows, modelId, scope);
          await refuseTaken(rows, provisionedModelName, scope);
          const purchase = { ...scope, ...servable, modelUnits, commitmentDuration: commitmentDuration ?? null };
          await refuseOverQuota(rows, purchase);
          await rows.bedrock.insertThroughput({
            ...purchase,
            provisionedModelId,
            provisionedModelArn: newArn,
            provisionedModelName,
            commitmentExpiresAt: commitmentDuration ? commitmentEnd(ctx.now, commitmentDuration) : null,
            tags,
            createdAt: ctx.now.getTime(),
          });
          await request.remember(rows, newArn);
          return newArn;
        });
        capacity.wake();
        return { provisionedModelArn };
      },
    } satisfies Operation<CreateProvisionedModelThroughputRequest, CreateProvisionedModelThroughputResponse>,

    GetProvisionedModelThroughput: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.provisionedModelId ?? '';
        const scope = scopeOf(ctx);
        const row = await store.read(rows => findThroughput(rows, identifier, scope));
        if (!row) throw notFound('provisioned-model', identifier, scope);
        const status = statusOf(row, await capacity.loadingModels());
        // Creating for as long as it is tried: who waits for it can read what it waits for.
        const problem = status === 'Creating' ? capacity.loadProblem(row.provisionedModelArn) : undefined;
        return { ...summary({ ...row, status }), failureMessage: problem ?? row.failureMessage ?? undefined };
      },
    } satisfies Operation<GetProvisionedModelThroughputRequest, GetProvisionedModelThroughputResponse>,

    ListProvisionedModelThroughputs: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const loading = await capacity.loadingModels();
        const filters = { status: input.statusEquals, modelArn: input.modelArnEquals, loading };
        const options = { ...listOptions(input, ctx), ...filters };
        const page = await store.read(rows => rows.bedrock.listThroughputs(scopeOf(ctx), options));
        const summaries = page.rows.map(row => summary({ ...row, status: statusOf(row, loading) }));
        return { provisionedModelSummaries: summaries, ...nextToken(page.next, input, ctx) };
      },
    } satisfies Operation<ListProvisionedModelThroughputsRequest, ListProvisionedModelThroughputsResponse>,

    UpdateProvisionedModelThroughput: {
      async authorize(input, ctx) {
        const model = input.desiredModelId === undefined ? [] : await modelQuestions(input.desiredModelId, ctx);
        return [...(await question(input, ctx)), ...model];
      },
      async handle(input, ctx) {
        const identifier = input.provisionedModelId ?? '';
        const scope = scopeOf(ctx);
        const now = ctx.now.getTime();
        const { desiredModelId, desiredProvisionedModelName: name } = input;
        const loading = await capacity.loadingModels();
        await store.transaction(async rows => {
          const row = await findThroughput(rows, identifier, scope);
          if (!row) throw notFound('provisioned-model', identifier, scope);
          const status = statusOf(row, loading);
          if (status === 'Updating' || status === 'Creating')
            throw new Fault(
              'invalid',
              `The provisioned model ${row.provisionedModelName} is ${status}; it can be updated when it is InService.`,
            );
          if (desiredModelId !== undefined) {
            const desired = await findServable(rows, desiredModelId, scope);
            refuseModelChange(row, desired);
            if (desired.modelArn !== row.modelArn)
              await rows.bedrock.requestModelChange(row.provisionedModelId, desired.modelArn, now);
          }
          if (name !== undefined && name !== row.provisionedModelName) {
            await refuseTaken(rows, name, scope);
            await rows.bedrock.renameThroughput(row.provisionedModelId, name, now);
          }
        });
        capacity.wake();
        return {};
      },
    } satisfies Operation<UpdateProvisionedModelThroughputRequest, UpdateProvisionedModelThroughputResponse>,

    DeleteProvisionedModelThroughput: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.provisionedModelId ?? '';
        const scope = scopeOf(ctx);
        await store.transaction(async rows => {
          const row = await findThroughput(rows, identifier, scope);
          if (!row) throw notFound('provisioned-model', identifier, scope);
          if (row.status === 'Updating')
            throw new Fault(
              'conflict',
              `The provisioned model ${row.provisionedModelName} is Updating; delete it when the update has ended.`,
            );
          // One that never came into service binds nobody.
          const boundUntil = keepsCommitments && row.status !== 'Failed' ? row.commitmentExpiresAt : null;
          if (boundUntil !== null && ctx.now.getTime() < boundUntil)
            throw new Fault(
              'conflict',
              `The provisioned model ${row.provisionedModelName} was bought with commitmentDuration ${row.commitmentDuration}; it can be deleted from ${new Date(boundUntil).toISOString()} on.`,
            );
          await rows.bedrock.deleteThroughput(row.provisionedModelId);
          const held = { resourceArn: row.provisionedModelArn, dimension: 'modelUnitHours' } as const;
          await rows.usage.endSpan(held, ctx.now.getTime());
        });
        capacity.wake();
        return {};
      },
    } satisfies Operation<DeleteProvisionedModelThroughputRequest, DeleteProvisionedModelThroughputResponse>,
  };
}

function findThroughput(rows: Rows, identifier: string, scope: BedrockScope): Promise<ThroughputRow | undefined> {
  return findByIdentifier(identifier, 'provisioned-model', scope, {
    byId: id => rows.bedrock.throughputById(scope, id),
    byName: name => rows.bedrock.throughputByName(scope, name),
    arnOf: row => row.provisionedModelArn,
  });
}

/** A row says what shall serve; whether units answer, only the capacity knows. */
function statusOf(row: ThroughputRow, loading: readonly string[]): ThroughputRow['status'] {
  return row.status === 'InService' && loading.includes(row.provisionedModelArn) ? 'Creating' : row.status;
}

/** AWS (prov-thru-edit): only from a custom model, and only within its base model. */
function refuseModelChange(row: ThroughputRow, desired: Servable): void {
  const name = row.provisionedModelName;
  if (row.status !== 'InService')
    throw new Fault('invalid', `The provisioned model ${name} is ${row.status}; its model cannot be changed.`);
  if (row.purchasedFor === 'foundationModel')
    throw new Fault(
      'invalid',
      `desiredModelId is not allowed: the provisioned model ${name} was bought for a base model.`,
    );
  if (desired.foundationModelArn !== row.foundationModelArn || desired.baseModelId !== row.baseModelId)
    throw new Fault(
      'invalid',
      `desiredModelId must be a custom model of ${row.foundationModelArn}, or that base model; ${desired.modelArn} is of ${desired.foundationModelArn}.`,
    );
}

function summary(row: ThroughputRow): ProvisionedModelSummary {
  return {
    modelUnits: row.modelUnits,
    desiredModelUnits: row.desiredModelUnits,
    provisionedModelName: row.provisionedModelName,
    provisionedModelArn: row.provisionedModelArn,
    modelArn: row.modelArn,
    desiredModelArn: row.desiredModelArn,
    foundationModelArn: row.foundationModelArn,
    status: row.status,
    creationTime: new Date(row.createdAt),
    lastModifiedTime: new Date(row.lastModifiedAt),
    commitmentDuration: row.commitmentDuration ?? undefined,
    commitmentExpirationTime: row.commitmentExpiresAt === null ? undefined : new Date(row.commitmentExpiresAt),
  };
}
