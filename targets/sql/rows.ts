/** The rows of a staging table on their way into the table of the target, and what is counted of them. */
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import { assertColumns, missingColumns } from './columns';
import type { SqlDialect, SqlSession } from './dialect';
import type { TableOptions } from './options';

/** What does not change from call to call. */
export interface TargetTable<O extends TableOptions> {
  dialect: SqlDialect<O>;
  options: O;
  /** In messages: `output/sales.db, table sales`. */
  place: string;
  /** The table's name as the database compares names. */
  ledgerTable: string;
}

export function createTableSql(
  { quote, declare }: Pick<SqlDialect<never>, 'quote' | 'declare'>,
  table: string,
  schema: Schema,
  primaryKey: readonly string[] = [],
  types?: ReadonlyMap<string, string>,
): string {
  const columns = schema.map(({ name, type }) => `${quote(name)} ${types?.get(name) ?? declare(type)}`);
  const key = primaryKey.length > 0 ? [`PRIMARY KEY (${primaryKey.map(quote).join(', ')})`] : [];
  return `CREATE TABLE ${quote(table)} (${[...columns, ...key].join(', ')})`;
}

/**
 * @param rows how many must be inserted
 * @param where a further part of the SELECT from the staging table, whose alias is `s`
 */
export async function appendRows<O extends TableOptions>(
  target: TargetTable<O>,
  db: SqlSession,
  stage: string,
  schema: Schema,
  rows: number,
  where = '',
): Promise<void> {
  const { dialect, options } = target;
  const names = schema.map(({ name }) => dialect.quote(name)).join(', ');
  const order = db.order ? ` ORDER BY ${db.order(schema)}` : '';
  const values = await stagedValues(target, db, stage, schema);
  const inserted = await db.run(
    `INSERT INTO ${dialect.quote(options.table)} (${names})
     SELECT ${[...values.values()].join(', ')} FROM ${dialect.quote(stage)} AS s${where}${order}`,
  );
  assertHeld(target, rows, inserted, 'insert');
}

/** The staging table may have found that a type is too narrow, as SQLite's does for long decimals. */
export async function stagedTypes(db: SqlSession, stage: string): Promise<ReadonlyMap<string, string>> {
  return new Map((await db.columns(stage)).map(({ name, type }) => [name, type]));
}

/** SQL of each column of the staging table, `s`, in the form that the target's table has for its values. */
export async function stagedValues<O extends TableOptions>(
  { dialect, options, place }: TargetTable<O>,
  db: SqlSession,
  stage: string,
  schema: Schema,
): Promise<ReadonlyMap<string, string>> {
  const existing = await db.columns(options.table);
  assertColumns(dialect, options, schema, existing, place);
  const missing = missingColumns(dialect, options, schema, existing);
  if (missing.length > 0) {
    const types = await stagedTypes(db, stage);
    for (const { name, type } of missing)
      await db.run(
        `ALTER TABLE ${dialect.quote(options.table)} ADD COLUMN ${dialect.quote(name)} ${types.get(name) ?? dialect.declare(type)}`,
      );
  }
  const converted = await db.convert?.(options.table, stage, schema);
  return new Map(schema.map(({ name }) => [name, converted?.get(name) ?? `s.${dialect.quote(name)}`]));
}

/** A trigger or a conflict clause of the table may have dropped rows, or removed others. */
export function assertHeld<O extends TableOptions>(
  { place }: TargetTable<O>,
  expected: number,
  found: number,
  what: 'hold' | 'insert' | 'update' = 'hold',
): void {
  if (found === expected) return;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message: `${place} must ${what} ${expected} rows with this load, it would ${what} ${found}. Nothing was published.`,
    hint: 'A trigger or a conflict clause (ON CONFLICT IGNORE, REPLACE) of the table ignores or removes rows: drop it, or load into another table.',
  });
}

export async function countRows(
  { quote }: Pick<SqlDialect<never>, 'quote'>,
  db: SqlSession,
  table: string,
): Promise<number> {
  return countOf(db, `SELECT count(*) AS n FROM ${quote(table)}`);
}

export async function countOf(db: SqlSession, sql: string): Promise<number> {
  const [row] = await db.all(sql);
  return Number(row?.['n']);
}
