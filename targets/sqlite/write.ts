/** Writes one part into its staging table. */
import { ident } from '../../pipeline/sql';
import type { Batch, Part } from '../../plugin/target';
import type { Sqlite, SqliteStatement } from './binding';
import { readTextColumns, rowidName, widenDecimals } from './tables';
import { storeColumn, type SqliteValue } from './values';

/** Rows of one INSERT; measured: with fewer rows it is slower, with more it is not faster. */
const ROWS_PER_INSERT = 20;
/** SQLite's own limit of parameters in a statement. */
const PARAMETERS_MAX = 32_766;
/** Each part has its own range of row ids, so that the order of parts does not depend on the order of writing. */
const ROWIDS_PER_PART = 2 ** 32;

/**
 * Inside a transaction.
 * @returns rows written
 * @throws FlexetlError TARGET_INCOMPATIBLE for a value that SQLite cannot store
 */
export async function writePart(
  db: Sqlite,
  table: string,
  { index, schema }: Part,
  batches: AsyncIterable<Batch>,
): Promise<number> {
  const base = index * ROWIDS_PER_PART;
  const rowid = rowidName(schema, table);
  const last = db
    .prepare(`SELECT max(${rowid}) FROM ${ident(table)}`)
    .pluck()
    .get();
  // SQLite numbers new rows after the last one at no cost; numbering them here takes a quarter longer. It is needed only
  // if a later part is already in the table; otherwise one row, removed at the end, sets the start of the numbers.
  const numbered = Number(last ?? 0) > base;
  if (!numbered && base > 0) db.prepare(`INSERT INTO ${ident(table)} (${rowid}) VALUES (?)`).run(base);
  const names = schema.map(({ name }) => ident(name));
  if (numbered) names.unshift(rowid);
  let textColumns = readTextColumns(db, table);
  const insert = createInsert(db, table, names);
  let written = 0;
  for await (const batch of batches) {
    let columns = storeColumns(batch);
    while (!columns) columns = storeColumns(batch);
    if (numbered) columns.unshift(Array.from({ length: batch.rows }, (_, row) => base + written + row + 1));
    insert(columns, batch.rows);
    written += batch.rows;
  }
  if (!numbered && base > 0) db.prepare(`DELETE FROM ${ident(table)} WHERE ${rowid} = ?`).run(base);
  return written;

  /** @returns undefined after the table was changed, because decimals of the batch must be text */
  function storeColumns(batch: Batch): (readonly SqliteValue[])[] | undefined {
    const stored = schema.map((column, at) => {
      return storeColumn(batch.columns[at] ?? [], column, textColumns.has(column.name)) ?? column.name;
    });
    const tooLong = stored.filter((column) => typeof column === 'string');
    if (tooLong.length === 0) return stored as (readonly SqliteValue[])[];
    widenDecimals(db, table, schema, new Set([...textColumns, ...tooLong]));
    textColumns = readTextColumns(db, table);
    return undefined;
  }
}

/** Writes columns of values as rows; its statements are kept from batch to batch. */
function createInsert(db: Sqlite, table: string, names: readonly string[]) {
  const width = names.length;
  const rowsPerInsert = Math.max(1, Math.min(ROWS_PER_INSERT, Math.floor(PARAMETERS_MAX / width)));
  const row = `(${names.map(() => '?').join(', ')})`;
  const into = `INSERT INTO ${ident(table)} (${names.join(', ')}) VALUES`;
  const prepare = (rows: number): SqliteStatement =>
    db.prepare(`${into} ${Array(rows).fill(row).join(', ')}`);
  const statements = new Map<number, SqliteStatement>();
  const values = new Array<SqliteValue>(rowsPerInsert * width);
  return (columns: readonly (readonly SqliteValue[])[], rows: number): void => {
    for (let from = 0; from < rows; from += rowsPerInsert) {
      const count = Math.min(rowsPerInsert, rows - from);
      let at = 0;
      for (let index = from; index < from + count; index += 1) {
        for (const column of columns) values[at++] = column[index] ?? null;
      }
      const statement = statements.get(count) ?? prepare(count);
      statements.set(count, statement);
      statement.run(at === values.length ? values : values.slice(0, at));
    }
  };
}
