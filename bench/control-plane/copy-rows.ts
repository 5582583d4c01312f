// Copies a row of a table many times over: node copy-rows.ts '[path, table, from, to]', for lists.ts.
import { DatabaseSync } from 'node:sqlite';

export interface Table {
  table: string;
  /** SQL that picks the row to copy. */
  where: string;
  /**
   * Columns that differ from copy to copy: SQL with `i`, the number of the copy, and `n`, the same as text: `x` and six
   * digits among the first thousand, `a` and six digits after them.
   */
  vary: Record<string, string>;
}

function copyRows(path: string, { table, where, vary }: Table, from: number, to: number): void {
  const database = new DatabaseSync(path);
  database.exec('pragma busy_timeout = 10000');
  const columns = database.prepare(`select name from pragma_table_info(?)`).all(table);
  const names = columns.map(({ name }) => String(name));
  const values = names.map(name => vary[name] ?? `template."${name}"`);
  const letter = from === 0 ? 'x' : 'a';
  database.exec(`with recursive counter(i) as (select ${from + 1} union all select i + 1 from counter where i < ${to})
    insert into ${table} (${names.map(name => `"${name}"`).join(', ')})
    select ${values.join(', ')}
    from (select printf('${letter}%06d', i) as n, i from counter),
      (select * from ${table} where ${where} limit 1) as template`);
  database.close();
}

const [path, table, from, to] = JSON.parse(process.argv[2] ?? '[]') as Parameters<typeof copyRows>;
copyRows(path, table, from, to);
