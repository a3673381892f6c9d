/** Tables of a SQLite file: types of columns, row ids, decimals that are text, and replacing a table. */
import { nameKey } from '../../pipeline/columns';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { ident } from '../../pipeline/sql';
import type { ColumnType, Schema, TypeKind } from '../../pipeline/types';
import type { Sqlite } from './binding';

/** A column as `PRAGMA table_xinfo` has it. */
interface SqliteColumn {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
  /** 0: ordinary; above: generated or hidden. */
  hidden: number;
}

/** The declared type of a decimal column whose values need text; its affinity is TEXT. */
export const DECIMAL_TEXT = 'DECIMAL_TEXT';

const DECLARED: Record<TypeKind, string> = {
  // Without a type: it keeps values of every type that come later.
  unknown: '',
  string: 'TEXT',
  integer: 'INTEGER',
  float: 'REAL',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  decimal: 'DECIMAL',
};

/** Affinities that keep every value of a kind as it is. */
const KEEPS: Record<Exclude<TypeKind, 'unknown'>, readonly Affinity[]> = {
  string: ['TEXT', 'NONE'],
  integer: ['INTEGER', 'NUMERIC', 'NONE'],
  float: ['REAL', 'NUMERIC', 'NONE'],
  boolean: ['NUMERIC', 'INTEGER', 'NONE'],
  date: ['NUMERIC', 'TEXT', 'NONE'],
  timestamp: ['NUMERIC', 'TEXT', 'NONE'],
  decimal: ['NUMERIC', 'REAL', 'TEXT', 'NONE'],
};

type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'NONE' | 'REAL' | 'NUMERIC';

export function declareType({ kind }: ColumnType): string {
  return DECLARED[kind];
}

export function keepsType(declared: string, { kind }: ColumnType): boolean {
  return kind === 'unknown' || KEEPS[kind].includes(affinityOf(declared));
}

/** SQLite's rules, in their order: https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type === '') return 'NONE';
  if (type.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'TEXT';
  if (type.includes('BLOB')) return 'BLOB';
  return /REAL|FLOA|DOUB/.test(type) ? 'REAL' : 'NUMERIC';
}

/** Columns of a table in order; empty if the table does not exist. */
export function readColumns(db: Sqlite, table: string): SqliteColumn[] {
  return db.prepare('SELECT * FROM pragma_table_xinfo(?)').all(table) as SqliteColumn[];
}

/** Decimal columns of a table that hold text. */
export function readTextColumns(db: Sqlite, table: string): Set<string> {
  const columns = readColumns(db, table).filter(({ type }) => type.includes('DECIMAL'));
  return new Set(columns.filter(({ type }) => affinityOf(type) === 'TEXT').map(({ name }) => name));
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

/**
 * SQL of the staged decimals, of the alias `s`, in the form that a table has.
 * @throws FlexetlError TARGET_INCOMPATIBLE where the table keeps fewer digits than a value has
 */
export function convertDecimals(
  db: Sqlite,
  place: string,
  table: string,
  stage: string,
  schema: Schema,
): Map<string, string> {
  const columns = readColumns(db, table);
  const staged = readTextColumns(db, stage);
  const converted = new Map<string, string>();
  for (const { name, type } of schema) {
    if (type.kind !== 'decimal') continue;
    const existing = columns.find((column) => nameKey(column.name) === nameKey(name));
    const asText = affinityOf(existing?.type ?? '') === 'TEXT';
    if (asText) converted.set(name, decimalTextSql(`s.${ident(name)}`, type.scale));
    if (asText || !staged.has(name)) continue;
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `${place}: column "${name}" keeps 15 digits of a decimal, and a value of this run has more. Nothing was published.`,
      hint: `Make it a column of type DECIMAL_TEXT, or round the value with a cast, or use mode: replace.`,
    });
  }
  return converted;
}

function decimalTextSql(value: string, scale: number): string {
  return `flexetl_decimal_text(${value}, ${scale})`;
}

/** Removes the old table; the new one gets its name, indexes and triggers. */
export function replaceTable(db: Sqlite, shownFile: string, table: string, stage: string): void {
  const sql = `SELECT type, name, sql FROM sqlite_schema
    WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL`;
  const extras = db.prepare(sql).all(table) as { type: string; name: string; sql: string }[];
  db.exec(`DROP TABLE IF EXISTS ${ident(table)}`);
  db.exec(`ALTER TABLE ${ident(stage)} RENAME TO ${ident(table)}`);
  for (const extra of extras) {
    try {
      db.exec(extra.sql);
    } catch (cause) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${shownFile}: ${extra.type} "${extra.name}" does not fit the new rows of table ${table}: ${messageOf(cause)}. The old table is unchanged.`,
        hint: `Drop the ${extra.type}, or change the pipeline so that it fits.`,
        cause,
      });
    }
  }
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
