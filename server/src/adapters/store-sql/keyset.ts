import { type ReferenceExpression, type SelectQueryBuilder, sql } from 'kysely';
import type { BedrockScope, ListOptions, Page } from '../../ports/store-bedrock.ts';

interface KeysetColumns<Schema, Table extends keyof Schema> {
  name: ReferenceExpression<Schema, Table> & string;
  id: ReferenceExpression<Schema, Table> & string;
}

/**
 * One page of a table in the order (created_at, id), which its page index holds: the cost of a page does not grow with
 * its distance from the first.
 */
export async function keysetPage<Schema, Table extends keyof Schema, Selected extends { created_at: number }, Row>(
  query: SelectQueryBuilder<Schema, Table, Selected>,
  columns: KeysetColumns<Schema, Table>,
  scope: BedrockScope,
  options: ListOptions,
  toRow: (selected: Selected) => Row,
): Promise<Page<Row>> {
  const name = sql.ref(columns.name);
  const id = sql.ref(columns.id);
  const createdAt = sql.ref('created_at');
  const ascending = options.sortOrder === 'Ascending';
  let page = query.where(sql<boolean>`account_id = ${scope.accountId}`).where(sql<boolean>`region = ${scope.region}`);
  if (options.createdAfter !== undefined) page = page.where(sql<boolean>`${createdAt} > ${options.createdAfter}`);
  if (options.createdBefore !== undefined) page = page.where(sql<boolean>`${createdAt} < ${options.createdBefore}`);
  // replace() is the one substring test that SQLite and PostgreSQL share with the same regard for case.
  if (options.nameContains) page = page.where(sql<boolean>`replace(${name}, ${options.nameContains}, '') <> ${name}`);
  if (options.position !== undefined) {
    const position = readPosition(options.position);
    page = ascending
      ? page.where(
          sql<boolean>`${createdAt} >= ${position.createdAt} and (${createdAt} > ${position.createdAt} or ${id} > ${position.id})`,
        )
      : page.where(
          sql<boolean>`${createdAt} <= ${position.createdAt} and (${createdAt} < ${position.createdAt} or ${id} < ${position.id})`,
        );
  }
  const direction = ascending ? 'asc' : 'desc';
  const found = await page
    .orderBy(createdAt, direction)
    .orderBy(id, direction)
    .limit(options.limit + 1)
    .execute();
  const shown = found.slice(0, options.limit);
  const last = shown.at(-1);
  const rows = shown.map(selected => toRow(selected as Selected));
  if (found.length <= options.limit || last === undefined) return { rows };
  return { rows, next: `${last.created_at}.${(last as Record<string, unknown>)[columns.id]}` };
}

function readPosition(position: string): { createdAt: number; id: string } {
  const dot = position.indexOf('.');
  return { createdAt: Number(position.slice(0, dot)), id: position.slice(dot + 1) };
}
