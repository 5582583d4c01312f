import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { IamRows } from '../../ports/store-iam.ts';

/** Tables of the iam service; names begin with iam_. */
export type IamSchema = {};

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const iamMigrations: Record<string, Migration> = {};

export function iamRows(_database: Kysely<IamSchema>): IamRows {
  return {};
}
