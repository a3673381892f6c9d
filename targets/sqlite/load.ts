/** Writes one part into the staging table of its key. */
import { FlexetlError } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import type { Sqlite } from './binding';
import { affinityOf, createTableSql } from './columns';
import { assertNotAborted, readColumns, transact, withDatabase, type Patience } from './database';
import type { Batch, Part } from '../../plugin/target';
import { storeColumn, type SqliteValue } from './values';
import { createLedger, findPart, findPublished, recordPart, stageName } from './ledger';
import type { TaskOf } from './messages';

/** Rows of one INSERT; measured: fewer cost more calls, more make no difference. */
const ROWS_PER_INSERT = 20;
/** SQLite's own limit of parameters in a statement. */
const PARAMETERS_MAX = 32_766;
/** Each part has a range of row ids, so that parts stand in order in whatever order they are written. */
const ROWIDS_PER_PART = 2 ** 32;

/**
 * @param part its rows are read only when it is not there yet
 * @param written called after each batch with its rows
 * @returns rows of the part, as the ledger has them
 */
export async function loadPart(
  job: TaskOf<'load'>,
  patience: Patience,
  part: Part,
  written: (rows: number) => void,
): Promise<{ rows: number }> {
  return withDatabase(job, patience, async (db) => {
    const already = findLoaded(db, job);
    if (already !== undefined) return { rows: already };
    // The lock is taken when there is something to write: a query may take its time before its first row.
    const batches = part.batches()[Symbol.asyncIterator]();
    let next = await batches.next();
    return transact(db, patience, async () => {
      createLedger(db);
      const meanwhile = findLoaded(db, job);
      if (meanwhile !== undefined) return { rows: meanwhile };
      const stage = openStage(db, job);
      while (!next.done) {
        assertNotAborted(patience.signal);
        stage.write(next.value);
        written(next.value.rows);
        next = await batches.next();
      }
      recordPart(db, job.key, part.index, stage.end());
      return { rows: stage.rows() };
    });
  });
}

/** @throws FlexetlError ROWS_UNBALANCED for a part that a published load did not have */
function findLoaded(db: Sqlite, { key, part, table }: TaskOf<'load'>): number | undefined {
  const rows = findPart(db, key, part.index);
  if (rows !== undefined || findPublished(db, key) === undefined) return rows;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message: `Run key "${key.runKey}" has already published table ${table}, without a part ${part.index}.`,
    hint: 'The input is not what it was in that run: load it under another run key.',
  });
}

/** The staging table of a key, and how rows get into it. */
function openStage(db: Sqlite, job: TaskOf<'load'>) {
  const table = stageName(job.table, job.key);
  if (readColumns(db, table).length === 0) db.exec(createTableSql(table, job.schema, new Set()));
  const base = job.part.index * ROWIDS_PER_PART;
  const rowid = rowidName(job.schema, table);
  const last = Number(
    db
      .prepare(`SELECT max(${rowid}) FROM ${ident(table)}`)
      .pluck()
      .get() ?? 0,
  );
  // SQLite numbers rows on from the last one for nothing; numbering them here costs a quarter more. A later
  // part that is already there leaves no choice; otherwise a row below the first one starts the count.
  const numbered = last > base;
  if (!numbered && base > 0) db.prepare(`INSERT INTO ${ident(table)} (${rowid}) VALUES (?)`).run(base);
  let textColumns = readTextColumns(db, table);
  let rows = 0;

  const decode = (batch: Batch): SqliteValue[][] => {
    for (;;) {
      const decoded = job.schema.map((column, index) => {
        return storeColumn(batch.columns[index] ?? [], column, textColumns.has(column.name)) ?? column.name;
      });
      const tooLong = decoded.filter((column) => typeof column === 'string');
      if (tooLong.length === 0) return decoded as SqliteValue[][];
      widen(db, table, job.schema, rowid, new Set([...textColumns, ...tooLong]));
      textColumns = readTextColumns(db, table);
    }
  };
  return {
    write(batch: Batch): void {
      const columns = decode(batch);
      const names = job.schema.map(({ name }) => ident(name));
      if (numbered) {
        names.unshift(rowid);
        columns.unshift(Array.from({ length: batch.rows }, (_, row) => base + rows + row + 1));
      }
      insertRows(db, table, names, columns, batch.rows);
      rows += batch.rows;
    },
    /** @returns rows of the part */
    end(): number {
      if (!numbered && base > 0) db.prepare(`DELETE FROM ${ident(table)} WHERE ${rowid} = ?`).run(base);
      return rows;
    },
    rows: () => rows,
  };
}

function insertRows(
  db: Sqlite,
  table: string,
  names: string[],
  columns: SqliteValue[][],
  rows: number,
): void {
  const width = columns.length;
  const rowsPerInsert = Math.max(1, Math.min(ROWS_PER_INSERT, Math.floor(PARAMETERS_MAX / width)));
  const row = `(${names.map(() => '?').join(', ')})`;
  const insert = (count: number) =>
    db.prepare(
      `INSERT INTO ${ident(table)} (${names.join(', ')}) VALUES ${Array(count).fill(row).join(', ')}`,
    );
  const many = insert(rowsPerInsert);
  const values = new Array<SqliteValue>(rowsPerInsert * width);
  const fill = (from: number, count: number): void => {
    let at = 0;
    for (let index = from; index < from + count; index += 1) {
      for (const column of columns) values[at++] = column[index] ?? null;
    }
  };
  let from = 0;
  for (; from + rowsPerInsert <= rows; from += rowsPerInsert) {
    fill(from, rowsPerInsert);
    many.run(values);
  }
  if (from === rows) return;
  fill(from, rows - from);
  insert(rows - from).run(values.slice(0, (rows - from) * width));
}

/** Decimal columns of a table that hold text. */
export function readTextColumns(db: Sqlite, table: string): Set<string> {
  const columns = readColumns(db, table).filter(({ type }) => type.includes('DECIMAL'));
  return new Set(columns.filter(({ type }) => affinityOf(type) === 'TEXT').map(({ name }) => name));
}

/** Makes decimal columns text, with the rows that are there. Once per column and load, where it is needed at all. */
function widen(db: Sqlite, table: string, schema: Schema, rowid: string, textColumns: Set<string>): void {
  const wider = `${table}_text`;
  db.exec(createTableSql(wider, schema, textColumns));
  const names = schema.map(({ name }) => ident(name)).join(', ');
  const values = schema.map(({ name, type }) =>
    type.kind === 'decimal' && textColumns.has(name)
      ? `flexetl_decimal_text(${ident(name)}, ${type.scale})`
      : ident(name),
  );
  db.exec(`INSERT INTO ${ident(wider)} (${rowid}, ${names})
    SELECT ${rowid}, ${values.join(', ')} FROM ${ident(table)} ORDER BY ${rowid}`);
  db.exec(`DROP TABLE ${ident(table)}`);
  db.exec(`ALTER TABLE ${ident(wider)} RENAME TO ${ident(table)}`);
}

/** The name of the row id that no column hides. */
export function rowidName(schema: Schema, place: string): string {
  const names = new Set(schema.map(({ name }) => name.toLowerCase()));
  const free = ['rowid', '_rowid_', 'oid'].find((name) => !names.has(name));
  if (free !== undefined) return free;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: columns named rowid, _rowid_ and oid all at once leave SQLite no row id.`,
    hint: 'Give one of them another name with a rename.',
  });
}
