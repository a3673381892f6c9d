/** Publishing a merge: rows with a key that exists are updated, the others are added. */
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import type { SqlSession } from './dialect';
import type { TableOptions } from './options';
import { ORDER_SQL } from './order';
import {
  appendRows,
  assertHeld,
  countOf,
  createTableSql,
  stagedTypes,
  stagedValues,
  type TargetTable,
} from './rows';

/** Rows of a load that updated existing ones, and that were left out for later ones of the same key. */
export interface Merged {
  updated: number;
  deduplicated: number;
}

export async function mergeRows<O extends TableOptions>(
  target: TargetTable<O>,
  db: SqlSession,
  stage: string,
  schema: Schema,
  exists: boolean,
  loaded: number,
): Promise<Merged> {
  const { dialect, options } = target;
  const { quote } = dialect;
  const key = options.primary_key ?? [];
  await assertKey(target, db, stage, key);
  const deduplicated = await deduplicate(target, db, stage, schema, key);
  const rows = loaded - deduplicated;
  if (!exists) {
    await db.run(createTableSql(dialect, options.table, schema, key, await stagedTypes(db, stage)));
    await appendRows(target, db, stage, schema, rows);
    return { updated: 0, deduplicated };
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
  return { updated, deduplicated };
}

/**
 * Of the staged rows with one key only the last stays, in the order of records.
 * @returns rows that were removed
 * @throws FlexetlError KEY_INVALID where the database knows no order of its rows
 */
async function deduplicate<O extends TableOptions>(
  target: TargetTable<O>,
  db: SqlSession,
  stage: string,
  schema: Schema,
  key: readonly string[],
): Promise<number> {
  const { quote, numbersRows } = target.dialect;
  const names = key.map(quote).join(', ');
  const order = numbersRows ? ORDER_SQL : db.order?.(schema);
  const from = `FROM ${quote(stage)} AS s`;
  const groups = `SELECT ${names} ${from} GROUP BY ${names} HAVING count(*) > 1`;
  const repeated = await countOf(db, `SELECT count(*) AS n FROM (${groups}) AS d`);
  if (repeated === 0) return 0;
  if (order === undefined)
    throw keyInvalid(target, `${repeated} of its values ${repeated === 1 ? 'is' : 'are'} in several rows`);
  const ranked = `SELECT ${order} AS o, row_number() OVER (PARTITION BY ${names} ORDER BY ${order} DESC) AS n ${from}`;
  return db.run(`DELETE ${from} WHERE ${order} IN (SELECT o FROM (${ranked}) AS d WHERE n > 1)`);
}

/** @throws FlexetlError KEY_INVALID for a null in a key */
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
}

function keyInvalid<O extends TableOptions>({ place, options }: TargetTable<O>, found: string): FlexetlError {
  return new FlexetlError('KEY_INVALID', {
    message: `${place}: primary_key (${options.primary_key?.join(', ') ?? ''}) is not unique: ${found}. Nothing was published.`,
    hint: 'Add a deduplicate or drop_nulls over these columns, or choose a key that is unique for each row.',
  });
}
