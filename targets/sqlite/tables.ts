/** Tables of a SQLite file: their columns, row ids, and decimals that are text. */
import { nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import type { TableColumn } from '../sql/dialect';
import { DECIMAL_TEXT, declareType, isDecimalText } from './affinity';
import type { Sqlite } from './binding';

/** A column as `PRAGMA table_xinfo` has it. */
export interface SqliteColumn {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
  /** 0: ordinary; above: generated or hidden. */
  hidden: number;
}

/** Columns of a table in order; empty if the table does not exist. */
export function readColumns(db: Sqlite, table: string): SqliteColumn[] {
  return db.prepare('SELECT * FROM pragma_table_xinfo(?)').all(table) as SqliteColumn[];
}

/** What the base must know of them. */
export function describeColumns(db: Sqlite, table: string): TableColumn[] {
  const columns = readColumns(db, table);
  const isStrict = db
    .prepare(`SELECT strict FROM pragma_table_list(?) WHERE schema = 'main'`)
    .pluck()
    .get(table);
  // SQLite numbers an INTEGER PRIMARY KEY, which is the only primary key without an index.
  const numbers = !db.prepare(`SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'`).get(table);
  return columns.map(({ name, type, notnull, dflt_value, pk, hidden }) => {
    const hasDefault = dflt_value !== null && dflt_value.toUpperCase() !== 'NULL';
    const isFilled = hidden > 0 || hasDefault || (pk > 0 && numbers);
    return {
      name,
      // ANY keeps every value in a STRICT table, and has the affinity NUMERIC in others.
      type: isStrict === 1 && type.toUpperCase() === 'ANY' ? '' : type,
      required: (notnull === 1 || pk > 0) && !isFilled,
      generated: hidden > 0,
    };
  });
}

/** Decimal columns of a table that hold text. */
export function readTextColumns(db: Sqlite, table: string): Set<string> {
  const columns = readColumns(db, table).filter(({ type }) => isDecimalText(type));
  return new Set(columns.map(({ name }) => name));
}

/**
 * Makes decimal columns of a table text, with their rows. Needed once per column and load at most.
 */
export function widenDecimals(db: Sqlite, table: string, schema: Schema, textColumns: Set<string>): void {
  const wider = `${table}_text`;
  const columns = schema.map(({ name, type }) => {
    return `${ident(name)} ${textColumns.has(name) ? DECIMAL_TEXT : declareType(type)}`.trimEnd();
  });
  db.exec(`CREATE TABLE ${ident(wider)} (${columns.join(', ')})`);
  const names = schema.map(({ name }) => ident(name)).join(', ');
  const values = schema.map(({ name, type }) =>
    type.kind === 'decimal' && textColumns.has(name) ? decimalTextSql(ident(name), type.scale) : ident(name),
  );
  const rowid = rowidName(schema, table);
  db.exec(`INSERT INTO ${ident(wider)} (${rowid}, ${names})
    SELECT ${rowid}, ${values.join(', ')} FROM ${ident(table)} ORDER BY ${rowid}`);
  db.exec(`DROP TABLE ${ident(table)}`);
  db.exec(`ALTER TABLE ${ident(wider)} RENAME TO ${ident(table)}`);
}

export function decimalTextSql(value: string, scale: number): string {
  return `flexetl_decimal_text(${value}, ${scale})`;
}

/**
 * A name of the row id that no column has.
 * @throws FlexetlError TARGET_INCOMPATIBLE if columns have all three
 */
export function rowidName(schema: Schema, place: string): string {
  const names = new Set(schema.map(({ name }) => nameKey(name)));
  const free = ['rowid', '_rowid_', 'oid'].find((name) => !names.has(name));
  if (free !== undefined) return free;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: columns are named rowid, _rowid_ and oid; SQLite needs one of these names for its row id.`,
    hint: 'Give one of them another name with a rename.',
  });
}
