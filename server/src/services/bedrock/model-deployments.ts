// Gaps: none known.
// By design: deployments of an account on one base share a process that starts with the first request and ends when idle;
//   AWS's limit of two deployments in progress is a quota that is off unless it is set, since they wait their turn.
// Client quirks: times are createdAt and lastUpdatedAt, list filters createdAfter and createdBefore; a name taken and a
//   change at the wrong time are ValidationExceptions, since AWS models no conflict for these operations.
import type {
  CreateCustomModelDeploymentRequest,
  CreateCustomModelDeploymentResponse,
  CustomModelDeploymentSummary,
  DeleteCustomModelDeploymentRequest,
  DeleteCustomModelDeploymentResponse,
  GetCustomModelDeploymentRequest,
  GetCustomModelDeploymentResponse,
  ListCustomModelDeploymentsRequest,
  ListCustomModelDeploymentsResponse,
  UpdateCustomModelDeploymentRequest,
  UpdateCustomModelDeploymentResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { keepQuota } from '../../domain/quotas.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope, CustomModelRow } from '../../ports/store-bedrock.ts';
import type { DeploymentRow } from '../../ports/store-deployments.ts';
import { findModel, modelQuestion } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { absentArn, findByIdentifier, notFound, resourceArn, resourceTagConditions, scopeOf } from './identifiers.ts';
import { listOptions, nextToken } from './paging.ts';
import { earlierAnswer, rememberedRequest } from './request-token.ts';
import { readTags, requestTagConditions, taggingQuestions } from './tag-list.ts';

type Dependencies = Pick<BedrockDependencies, 'store' | 'ids' | 'keyring' | 'capacity' | 'quotas'>;

const KIND = 'custom-model-deployment';

export function modelDeployments({ store, ids, keyring, capacity, quotas }: Dependencies) {
  /** The caller must be allowed the model, and Decrypt with its key where it has one of the customer's. */
  async function modelQuestions(modelArn: string, ctx: RequestContext): Promise<AccessRequest[]> {
    const own = await store.read(async rows => {
      const model = await findModel(rows, modelArn, scopeOf(ctx));
      return model && { keyArn: model.keyArn, question: await modelQuestion(rows, model) };
    });
    const key = await keyring.decryptRequests(own?.keyArn, ctx);
    return [own?.question ?? { resource: modelArn }, ...key];
  }

  async function question(input: { customModelDeploymentIdentifier: string | undefined }, ctx: RequestContext) {
    const identifier = input.customModelDeploymentIdentifier ?? '';
    const scope = scopeOf(ctx);
    const row = await store.read(rows => findDeployment(rows, identifier, scope));
    if (!row) return [{ resource: absentArn(KIND, identifier, scope) }];
    return [{ resource: row.deploymentArn, conditions: resourceTagConditions(row.tags) }];
  }

  /** @throws Fault notFound for no such model, and what a disabled key of the customer's makes of it */
  async function usableModel(modelArn: string, scope: BedrockScope): Promise<CustomModelRow> {
    const model = await store.read(rows => findModel(rows, modelArn, scope));
    if (!model) throw notFound('custom-model', modelArn, scope);
    if (model.keyArn !== null) await keyring.resolve(model.keyArn, scope.accountId, scope.region);
    return model;
  }

  return {
    CreateCustomModelDeployment: {
      async authorize(input, ctx) {
        const [model, ...key] = await modelQuestions(input.modelArn ?? '', ctx);
        const conditions = { ...model?.conditions, ...requestTagConditions(input.tags) };
        const tagging = taggingQuestions(scopeOf(ctx), KIND, input.tags);
        return [{ resource: '*', ...model, conditions }, ...tagging, ...key];
      },
      async handle(input, ctx) {
        const request = rememberedRequest(input, ctx, 'invalid');
        const earlier = await earlierAnswer(store, request);
        if (earlier !== undefined) return { customModelDeploymentArn: earlier };
        const scope = scopeOf(ctx);
        const { modelArn = '', modelDeploymentName = '' } = input;
        await usableModel(modelArn, scope);
        const deploymentId = ids.resource();
        const deploymentArn = resourceArn(scope, KIND, deploymentId);
        const tags = readTags(input.tags, 'tags', deploymentArn);
        const customModelDeploymentArn = await store.transaction(async rows => {
          const meanwhile = await request.earlierAnswer(rows);
          if (meanwhile !== undefined) return meanwhile;
          // Looked at again: it may have been deleted meanwhile.
          if (!(await findModel(rows, modelArn, scope))) throw notFound('custom-model', modelArn, scope);
          if (await rows.bedrock.deploymentByName(scope, modelDeploymentName))
            throw new Fault('invalid', 'The provided model deployment name is currently in use.', {
              resource: modelDeploymentName,
            });
          keepQuota(quotas, 'deploymentsInProgress', await rows.bedrock.countDeploymentsInProgress(scope));
          await rows.bedrock.insertDeployment({
            ...scope,
            deploymentId,
            deploymentArn,
            deploymentName: modelDeploymentName,
            description: input.description ?? null,
            modelArn,
            tags,
            createdAt: ctx.now.getTime(),
          });
          await request.remember(rows, deploymentArn);
          return deploymentArn;
        });
        capacity.wake();
        return { customModelDeploymentArn };
      },
    } satisfies Operation<CreateCustomModelDeploymentRequest, CreateCustomModelDeploymentResponse>,

    GetCustomModelDeployment: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.customModelDeploymentIdentifier ?? '';
        const scope = scopeOf(ctx);
        const row = await store.read(rows => findDeployment(rows, identifier, scope));
        if (!row) throw notFound(KIND, identifier, scope);
        const { customModelDeploymentName: modelDeploymentName, ...members } = summary(row);
        return {
          ...members,
          modelDeploymentName,
          description: row.description ?? undefined,
          updateDetails: row.update ? { modelArn: row.update.modelArn, updateStatus: row.update.status } : undefined,
        };
      },
    } satisfies Operation<GetCustomModelDeploymentRequest, GetCustomModelDeploymentResponse>,

    ListCustomModelDeployments: {
      authorize: () => [{ resource: '*' }],
      async handle({ createdAfter, createdBefore, ...input }, ctx) {
        const list = { ...input, creationTimeAfter: createdAfter, creationTimeBefore: createdBefore };
        const filters = { status: input.statusEquals, modelArn: input.modelArnEquals };
        const options = { ...listOptions(list, ctx), ...filters };
        const page = await store.read(rows => rows.bedrock.listDeployments(scopeOf(ctx), options));
        return { modelDeploymentSummaries: page.rows.map(summary), ...nextToken(page.next, list, ctx) };
      },
    } satisfies Operation<ListCustomModelDeploymentsRequest, ListCustomModelDeploymentsResponse>,

    UpdateCustomModelDeployment: {
      authorize: async (input, ctx) => [
        ...(await question(input, ctx)),
        ...(await modelQuestions(input.modelArn ?? '', ctx)),
      ],
      async handle(input, ctx) {
        const identifier = input.customModelDeploymentIdentifier ?? '';
        const scope = scopeOf(ctx);
        const { modelArn = '' } = input;
        await usableModel(modelArn, scope);
        const customModelDeploymentArn = await store.transaction(async rows => {
          const row = await findDeployment(rows, identifier, scope);
          if (!row) throw notFound(KIND, identifier, scope);
          if (!(await findModel(rows, modelArn, scope))) throw notFound('custom-model', modelArn, scope);
          const { deploymentName, status, update } = row;
          if (status !== 'Active')
            throw new Fault(
              'invalid',
              `The deployment ${deploymentName} is ${status}; it can be updated when it is Active.`,
            );
          if (update?.status === 'Updating')
            throw new Fault('invalid', `The deployment ${deploymentName} is Updating; update it when that has ended.`);
          keepQuota(quotas, 'deploymentsInProgress', await rows.bedrock.countDeploymentsInProgress(scope));
          await rows.bedrock.requestDeploymentUpdate(row.deploymentId, modelArn, ctx.now.getTime());
          return row.deploymentArn;
        });
        capacity.wake();
        return { customModelDeploymentArn };
      },
    } satisfies Operation<UpdateCustomModelDeploymentRequest, UpdateCustomModelDeploymentResponse>,

    DeleteCustomModelDeployment: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.customModelDeploymentIdentifier ?? '';
        const scope = scopeOf(ctx);
        await store.transaction(async rows => {
          const row = await findDeployment(rows, identifier, scope);
          if (!row) throw notFound(KIND, identifier, scope);
          await rows.bedrock.deleteDeployment(row.deploymentId);
        });
        capacity.wake();
        return {};
      },
    } satisfies Operation<DeleteCustomModelDeploymentRequest, DeleteCustomModelDeploymentResponse>,
  };
}

function findDeployment(rows: Rows, identifier: string, scope: BedrockScope): Promise<DeploymentRow | undefined> {
  return findByIdentifier(identifier, KIND, scope, {
    byId: id => rows.bedrock.deploymentById(scope, id),
    byName: name => rows.bedrock.deploymentByName(scope, name),
    arnOf: row => row.deploymentArn,
  });
}

function summary(row: DeploymentRow): CustomModelDeploymentSummary {
  return {
    customModelDeploymentArn: row.deploymentArn,
    customModelDeploymentName: row.deploymentName,
    modelArn: row.modelArn,
    createdAt: new Date(row.createdAt),
    status: row.status,
    lastUpdatedAt: new Date(row.lastUpdatedAt),
    failureMessage: row.failureMessage ?? undefined,
  };
}
