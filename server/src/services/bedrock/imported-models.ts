// Gaps: custom model units.
// By design: a model is there when its import is Completed, and is invoked by its own ARN; it outlives its job and its bucket.
// Client quirks: every member of the answers is optional in AWS's model; modelArchitecture is the family of the base.
import type {
  DeleteImportedModelRequest,
  DeleteImportedModelResponse,
  GetImportedModelRequest,
  GetImportedModelResponse,
  ListImportedModelsRequest,
  ListImportedModelsResponse,
} from '@aws-sdk/client-bedrock';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope } from '../../ports/store-bedrock.ts';
import type { ImportedModelRow } from '../../ports/store-imported-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { absentArn, findByIdentifier, notFound, resourceTagConditions, scopeOf } from './identifiers.ts';
import { listOptions, nextToken } from './paging.ts';

const KIND = 'imported-model';

type Dependencies = Pick<BedrockDependencies, 'store' | 'modelStore' | 'keyring'>;

export function importedModels({ store, modelStore, keyring }: Dependencies) {
  async function question(
    input: { modelIdentifier: string | undefined },
    ctx: RequestContext,
  ): Promise<AccessRequest[]> {
    const identifier = input.modelIdentifier ?? '';
    const scope = scopeOf(ctx);
    const model = await store.read(rows => findImported(rows, identifier, scope));
    if (!model) return [{ resource: absentArn(KIND, identifier, scope) }];
    return [{ resource: model.modelArn, conditions: resourceTagConditions(model.tags) }];
  }

  return {
    GetImportedModel: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.modelIdentifier ?? '';
        const scope = scopeOf(ctx);
        const model = await store.read(rows => findImported(rows, identifier, scope));
        if (!model) throw notFound(KIND, identifier, scope);
        return {
          ...summary(model),
          jobName: model.jobName,
          jobArn: model.jobArn,
          modelDataSource: { s3DataSource: { s3Uri: model.s3Uri } },
          modelKmsKeyArn: model.keyArn ?? undefined,
        };
      },
    } satisfies Operation<GetImportedModelRequest, GetImportedModelResponse>,

    ListImportedModels: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const page = await store.read(rows => rows.bedrock.listImportedModels(scopeOf(ctx), listOptions(input, ctx)));
        return { modelSummaries: page.rows.map(summary), ...nextToken(page.next, input, ctx) };
      },
    } satisfies Operation<ListImportedModelsRequest, ListImportedModelsResponse>,

    DeleteImportedModel: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.modelIdentifier ?? '';
        const scope = scopeOf(ctx);
        const model = await store.transaction(async rows => {
          const found = await findImported(rows, identifier, scope);
          if (!found) throw notFound(KIND, identifier, scope);
          await rows.bedrock.deleteImportedModel(found.modelId);
          const stored = { resourceArn: found.modelArn, dimension: 'modelStorageMonths' } as const;
          await rows.usage.endSpan(stored, ctx.now.getTime());
          return found;
        });
        // The row is gone, and with it every use of the weights: what a failure leaves here, the sweep deletes.
        await Promise.allSettled([
          modelStore.delete(model.modelId),
          keyring.release({ ...scope, keyArn: model.keyArn, resourceArn: model.modelArn }),
        ]);
        return {};
      },
    } satisfies Operation<DeleteImportedModelRequest, DeleteImportedModelResponse>,
  };
}

function findImported(rows: Rows, identifier: string, scope: BedrockScope): Promise<ImportedModelRow | undefined> {
  return findByIdentifier(identifier, KIND, scope, {
    byId: id => rows.bedrock.importedModelById(scope, id),
    byName: name => rows.bedrock.importedModelByName(scope, name),
    arnOf: model => model.modelArn,
  });
}

function summary(model: ImportedModelRow) {
  return {
    modelArn: model.modelArn,
    modelName: model.modelName,
    creationTime: new Date(model.createdAt),
    instructSupported: false,
    modelArchitecture: model.family,
  };
}
