import type { Kysely } from 'kysely';
import type { BedrockRows } from '../../ports/store-bedrock.ts';
import type { BedrockSchema } from './bedrock-schema.ts';

type RequestTokenMethods = 'findRequestToken' | 'insertRequestToken' | 'deleteRequestTokensBefore';

export function requestTokenRows(database: Kysely<BedrockSchema>): Pick<BedrockRows, RequestTokenMethods> {
  return {
    async findRequestToken(scope, operation, token) {
      const found = await database
        .selectFrom('bedrock_request_tokens')
        .select(['parameters_sha256', 'resource_arn'])
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('operation', '=', operation)
        .where('token', '=', token)
        .executeTakeFirst();
      return found && { parametersSha256: found.parameters_sha256, resourceArn: found.resource_arn };
    },
    async insertRequestToken(row) {
      await database
        .insertInto('bedrock_request_tokens')
        .values({
          account_id: row.accountId,
          region: row.region,
          operation: row.operation,
          token: row.token,
          parameters_sha256: row.parametersSha256,
          resource_arn: row.resourceArn,
          created_at: row.createdAt,
        })
        .execute();
    },
    async deleteRequestTokensBefore(createdBefore) {
      await database.deleteFrom('bedrock_request_tokens').where('created_at', '<', createdBefore).execute();
    },
  };
}

/** Which table a taggable ARN names, and its key: the last segment. */
function tagged(resourceArn: string) {
  const [kind = '', ...path] = resourceArn.split(':').slice(5).join(':').split('/');
  const id = path.at(-1) ?? '';
  if (kind === 'model-customization-job') return { table: 'bedrock_jobs', key: 'job_id', id } as const;
  if (kind === 'custom-model') return { table: 'bedrock_custom_models', key: 'model_id', id } as const;
  if (kind === 'provisioned-model') return { table: 'bedrock_throughputs', key: 'provisioned_model_id', id } as const;
  return undefined;
}

export function tagRows(database: Kysely<BedrockSchema>): Pick<BedrockRows, 'tagsOf' | 'replaceTags'> {
  return {
    async tagsOf(scope, resourceArn) {
      const target = tagged(resourceArn);
      if (!target) return undefined;
      const found = await database
        .selectFrom(target.table)
        .select('tags')
        .where(target.key, '=', target.id)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && JSON.parse(found.tags);
    },
    async replaceTags(scope, resourceArn, tags) {
      const target = tagged(resourceArn);
      if (!target) return false;
      const result = await database
        .updateTable(target.table)
        .set({ tags: JSON.stringify(tags) })
        .where(target.key, '=', target.id)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
  };
}
