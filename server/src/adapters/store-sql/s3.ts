import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { S3Rows } from '../../ports/store-s3.ts';

/** Tables of the s3 service; names begin with s3_. */
export type S3Schema = {};

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const s3Migrations: Record<string, Migration> = {};

export function s3Rows(_database: Kysely<S3Schema>): S3Rows {
  return {};
}
