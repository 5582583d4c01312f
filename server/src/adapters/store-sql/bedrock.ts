import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { BedrockRows } from '../../ports/store-bedrock.ts';

/** Tables of the bedrock service; names begin with bedrock_. */
export type BedrockSchema = {};

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const bedrockMigrations: Record<string, Migration> = {};

export function bedrockRows(_database: Kysely<BedrockSchema>): BedrockRows {
  return {};
}
