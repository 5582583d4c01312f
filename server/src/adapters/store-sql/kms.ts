import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { KmsRows } from '../../ports/store-kms.ts';

/** Tables of the kms service; names begin with kms_. */
export type KmsSchema = {};

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const kmsMigrations: Record<string, Migration> = {};

export function kmsRows(_database: Kysely<KmsSchema>): KmsRows {
  return {};
}
