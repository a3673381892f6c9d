/** Makes the rows of a load visible, all in one transaction, or removes them. */
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import { keyReused } from '../../plugin/key-reused';
import type { LoadKey, Published, StateToSave } from '../../plugin/target';
import { assertColumns } from './columns';
import type { SqlDialect, SqlSession } from './dialect';
import { openLedger, stageName, type OpenLoad } from './load-ledger';
import type { TableOptions } from './options';
import { forgetStates, saveState } from './state';

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
 * Inside a transaction.
 * @returns what this load has made visible, now or in an earlier attempt
 * @throws FlexetlError ROWS_UNBALANCED, KEY_INVALID, KEY_REUSED, TARGET_INCOMPATIBLE
 */
export async function publishLoad<O extends TableOptions>(
  target: TargetTable<O>,
  db: SqlSession,
  key: LoadKey,
  schema: Schema,
  rowsExpected: number | undefined,
  state: StateToSave | undefined,
): Promise<Published> {
  const { dialect, options, place, ledgerTable } = target;
  const { table, mode } = options;
  const ledger = openLedger(db, key, ledgerTable);
  await ledger.create();
  const already = await ledger.published();
  if (already && already.digest !== key.digest) throw keyReused(place, key, already);
  if (already) return publishedOf(already.rows, already.updated);
  const stage = stageName(ledgerTable, key, key);
  if ((await db.columns(stage)).length === 0) await db.run(createTableSql(dialect, stage, schema));
  const rows = await countRows(dialect, db, stage);
  assertStaged(target, await ledger.count(), rows, rowsExpected);

  const exists = (await db.columns(table)).length > 0;
  const before = exists && mode !== 'replace' ? await countRows(dialect, db, table) : 0;
  const append = (): Promise<void> => appendRows(target, db, stage, schema, rows);
  let updated = 0;
  if (mode === 'merge') updated = await mergeRows(target, db, stage, schema, exists, rows);
  else if (mode === 'append' && exists) await append();
  else if (!exists || !(await db.refill?.(table, append, stage)))
    await replaceTable(dialect, db, table, stage);
  assertHeld(target, before + rows - updated, await countRows(dialect, db, table));

  if (!exists || mode === 'replace') {
    await ledger.markReplaced();
    await forgetStates(db, ledgerTable);
  }
  if (state) await saveState(db, ledgerTable, key, state);
  await ledger.recordPublished(rows, updated);
  await db.run(`DROP TABLE IF EXISTS ${dialect.quote(stage)}`);
  await ledger.forgetStage();
  return publishedOf(rows, updated);
}

/**
 * Removes what was loaded and not published.
 * @param table as the database compares names
 */
export async function removeLoad(
  { quote }: Pick<SqlDialect<never>, 'quote'>,
  table: string,
  db: SqlSession,
  key: LoadKey,
  load: OpenLoad,
): Promise<void> {
  await db.run(`DROP TABLE IF EXISTS ${quote(stageName(table, key, load))}`);
  await openLedger(db, key, table).forget(load);
}

function publishedOf(rows: number, updated: number): Published {
  return { rows, inserted: rows - updated, updated };
}

// ── Balance: what the target itself counts ────────────────────────────────────────────────────────────────

function assertStaged<O extends TableOptions>(
  { place }: TargetTable<O>,
  ledger: { parts: number; rows: number },
  staged: number,
  rowsExpected = ledger.rows,
): void {
  if (ledger.rows === staged && rowsExpected === staged) return;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message:
      `${place} should get ${rowsExpected} rows; the load ledger has ${ledger.rows} ` +
      `in ${ledger.parts} parts, the staging table holds ${staged}. Nothing was published.`,
    hint: 'Did another program change the database during the run? Run the pipeline again under another run key.',
  });
}

/** A trigger or a conflict clause of the table may have dropped rows, or removed others. */
function assertHeld<O extends TableOptions>(
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

async function countRows(
  { quote }: Pick<SqlDialect<never>, 'quote'>,
  db: SqlSession,
  table: string,
): Promise<number> {
  return countOf(db, `SELECT count(*) AS n FROM ${quote(table)}`);
}

async function countOf(db: SqlSession, sql: string): Promise<number> {
  const [row] = await db.all(sql);
  return Number(row?.['n']);
}

// ── Modes ─────────────────────────────────────────────────────────────────────────────────────────────────

async function replaceTable(
  { quote }: Pick<SqlDialect<never>, 'quote'>,
  db: SqlSession,
  table: string,
  stage: string,
): Promise<void> {
  if (db.replace) return db.replace(table, stage);
  await db.run(`DROP TABLE IF EXISTS ${quote(table)}`);
  await db.run(`ALTER TABLE ${quote(stage)} RENAME TO ${quote(table)}`);
}

/**
 * @param rows how many must be inserted
 * @param where a further part of the SELECT from the staging table, whose alias is `s`
 */
async function appendRows<O extends TableOptions>(
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

/** SQL of each column of the staging table, `s`, in the form that the target's table has for its values. */
async function stagedValues<O extends TableOptions>(
  { dialect, options, place }: TargetTable<O>,
  db: SqlSession,
  stage: string,
  schema: Schema,
): Promise<ReadonlyMap<string, string>> {
  assertColumns(dialect, schema, await db.columns(options.table), place);
  const converted = await db.convert?.(options.table, stage, schema);
  return new Map(schema.map(({ name }) => [name, converted?.get(name) ?? `s.${dialect.quote(name)}`]));
}

/** @returns existing rows that were updated */
async function mergeRows<O extends TableOptions>(
  target: TargetTable<O>,
  db: SqlSession,
  stage: string,
  schema: Schema,
  exists: boolean,
  rows: number,
): Promise<number> {
  const { dialect, options } = target;
  const { quote } = dialect;
  const key = options.primary_key ?? [];
  await assertKey(target, db, stage, key);
  if (!exists) {
    // The staging table may have found that a type is too narrow, as SQLite's does for long decimals.
    const types = new Map((await db.columns(stage)).map(({ name, type }) => [name, type]));
    await db.run(createTableSql(dialect, options.table, schema, key, types));
    await appendRows(target, db, stage, schema, rows);
    return 0;
  }
  const values = await stagedValues(target, db, stage, schema);
  const table = `${quote(options.table)} AS t`;
  const same = key.map((name) => `t.${quote(name)} = ${values.get(name) ?? ''}`).join(' AND ');
  const matches = `FROM ${quote(stage)} AS s JOIN ${table} ON ${same}`;
  const updated = await countOf(db, `SELECT count(*) AS n ${matches}`);
  // Each row of the run must match at most one row of the table, and the other way round.
  for (const side of ['s', 't']) {
    const keys = key.map((name) => `${side}.${quote(name)}`).join(', ');
    const distinct = await countOf(db, `SELECT count(*) AS n FROM (SELECT DISTINCT ${keys} ${matches}) AS d`);
    if (distinct !== updated) throw keyInvalid(target, 'a key of this run matches several rows of the table');
  }
  const changed = schema.filter(({ name }) => !key.includes(name));
  if (changed.length > 0) {
    const set = changed.map(({ name }) => `${quote(name)} = ${values.get(name) ?? ''}`).join(', ');
    const changes = await db.run(`UPDATE ${table} SET ${set} FROM ${quote(stage)} AS s WHERE ${same}`);
    assertHeld(target, updated, changes, 'update');
  }
  const isNew = ` LEFT JOIN ${table} ON ${same} WHERE t.${quote(key[0] ?? '')} IS NULL`;
  await appendRows(target, db, stage, schema, rows - updated, isNew);
  return updated;
}

/** @throws FlexetlError KEY_INVALID for a null in a key, and for a key in several rows */
async function assertKey<O extends TableOptions>(
  target: TargetTable<O>,
  db: SqlSession,
  stage: string,
  key: readonly string[],
): Promise<void> {
  const { quote } = target.dialect;
  const from = `FROM ${quote(stage)}`;
  const isNull = key.map((name) => `${quote(name)} IS NULL`).join(' OR ');
  const nulls = await countOf(db, `SELECT count(*) AS n ${from} WHERE ${isNull}`);
  if (nulls > 0)
    throw keyInvalid(target, `${nulls} ${nulls === 1 ? 'row has' : 'rows have'} a null in the key`);
  const names = key.map(quote).join(', ');
  const repeated = await countOf(
    db,
    `SELECT count(*) AS n FROM (SELECT ${names} ${from} GROUP BY ${names} HAVING count(*) > 1) AS d`,
  );
  if (repeated > 0)
    throw keyInvalid(target, `${repeated} of its values ${repeated === 1 ? 'is' : 'are'} in several rows`);
}

function keyInvalid<O extends TableOptions>({ place, options }: TargetTable<O>, found: string): FlexetlError {
  return new FlexetlError('KEY_INVALID', {
    message: `${place}: primary_key (${options.primary_key?.join(', ') ?? ''}) is not unique: ${found}. Nothing was published.`,
    hint: 'Add a deduplicate or drop_nulls over these columns, or choose a key that is unique for each row.',
  });
}
