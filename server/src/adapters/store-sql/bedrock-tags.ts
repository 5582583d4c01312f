import type { Kysely } from 'kysely';
import { formatArn, parseArn } from '../../domain/arn.ts';
import type { BedrockRows, BedrockScope } from '../../ports/store-bedrock.ts';
import type { BedrockSchema } from './bedrock-schema.ts';

/**
 * What may be tagged, by the kind in its ARN: a table that keeps `tags` as JSON, and the column of the ARN's last segment.
 * `underBase`: the ARN names the base model between kind and id, as `definition.foundationModelId` has it.
 */
const taggables = {
  'model-customization-job': { table: 'bedrock_jobs', key: 'job_id', underBase: true },
  'model-invocation-job': { table: 'bedrock_batch_jobs', key: 'job_id', underBase: false },
  'custom-model': { table: 'bedrock_custom_models', key: 'model_id', underBase: false },
  'imported-model': { table: 'bedrock_imported_models', key: 'model_id', underBase: false },
  'model-import-job': { table: 'bedrock_model_jobs', key: 'job_id', underBase: false },
  'provisioned-model': { table: 'bedrock_throughputs', key: 'provisioned_model_id', underBase: false },
  'custom-model-deployment': { table: 'bedrock_deployments', key: 'deployment_id', underBase: false },
} as const;

export function tagRows(database: Kysely<BedrockSchema>): Pick<BedrockRows, 'tagsOf' | 'replaceTags'> {
  /** The row behind an ARN that is its own to the letter. */
  async function find(scope: BedrockScope, resourceArn: string) {
    const [kind = '', ...path] = parseArn(resourceArn)?.resource.split('/') ?? [];
    const id = path.at(-1) ?? '';
    if (!isTaggable(kind)) return undefined;
    const { table, key, underBase } = taggables[kind];
    const found = await database
      .selectFrom(table)
      .selectAll()
      .where(key, '=', id)
      .where('account_id', '=', scope.accountId)
      .where('region', '=', scope.region)
      .executeTakeFirst();
    if (!found) return undefined;
    const { foundationModelId } = 'definition' in found ? JSON.parse(found.definition) : {};
    const base = underBase ? [foundationModelId] : [];
    // A custom model's may name its base or say `imported`: its row knows.
    const ownArn =
      kind === 'custom-model' && 'model_arn' in found
        ? found.model_arn
        : formatArn({ service: 'bedrock', ...scope, resource: [kind, ...base, id].join('/') });
    return ownArn === resourceArn ? { table, key, id, tags: found.tags } : undefined;
  }

  return {
    async tagsOf(scope, resourceArn) {
      const found = await find(scope, resourceArn);
      return found && JSON.parse(found.tags);
    },
    async replaceTags(scope, resourceArn, tags) {
      const found = await find(scope, resourceArn);
      if (!found) return false;
      await database
        .updateTable(found.table)
        .set({ tags: JSON.stringify(tags) })
        .where(found.key, '=', found.id)
        .execute();
      return true;
    },
  };
}

function isTaggable(kind: string): kind is keyof typeof taggables {
  return Object.hasOwn(taggables, kind);
}
