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
