/**
 * Replacing a table inside a transaction: docs/decisions/0029-replace-in-postgresql.md.
 *
 * The staging table takes the place of a table that has no more than columns and rows. Everything that depends on the
 * table, or says more of it, would be lost with it: such a table gets new rows.
 */
import { FlexetlError } from '../../pipeline/errors';
import { ident, literal } from '../../pipeline/sql';
import type { SqlSession } from '../sql/dialect';
import type { TableOptions } from '../sql/options';

const oidOf = (table: string): string => `${literal(ident(table))}::regclass`;

/** What PostgreSQL knows of a table beyond its columns and rows, as a condition over `c`, its row in pg_class, and `s`, that of the staging table. */
const HAS_MORE = `
  c.relkind <> 'r' OR c.relowner <> s.relowner OR c.relpersistence <> s.relpersistence OR c.reltablespace <> s.reltablespace
  OR c.relacl IS DISTINCT FROM s.relacl OR c.reloptions IS NOT NULL OR c.relrowsecurity OR c.relreplident <> 'd'
  OR EXISTS (SELECT FROM pg_depend AS d WHERE d.deptype IN ('n', 'a') AND
    (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid OR d.refclassid = 'pg_type'::regclass AND d.refobjid = c.reltype))
  OR EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND (a.attnotnull OR a.attidentity <> '' OR a.attacl IS NOT NULL OR a.attoptions IS NOT NULL))
  OR EXISTS (SELECT FROM pg_description AS d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid)
  OR EXISTS (SELECT FROM pg_seclabel AS d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid)`;

export async function hasMore(db: SqlSession, table: string, stage = table): Promise<boolean> {
  const [row] = await db.all(
    `SELECT ${HAS_MORE} AS more FROM pg_class AS c, pg_class AS s WHERE c.oid = ${oidOf(table)} AND s.oid = ${oidOf(stage)}`,
  );
  return row?.['more'] === true;
}

/** Readers wait for the end of the transaction, and it for them: for `LIMITS.postgresqlLockMs` at most. */
export async function replaceTable(db: SqlSession, table: string, stage: string): Promise<void> {
  await db.run(`DROP TABLE IF EXISTS ${ident(table)}`);
  await db.run(`ALTER TABLE ${ident(stage)} RENAME TO ${ident(table)}`);
}

/**
 * Removes all rows of a table that has more than rows and columns, and has `insert` write the new ones. Readers see the
 * old rows until the commit, and never wait; no row of another table is changed, and no trigger of users runs.
 * @returns false, with nothing done, for a table that {@link replaceTable} may replace
 * @throws FlexetlError TARGET_INCOMPATIBLE for foreign keys that would change rows of other tables
 */
export async function refillTable(
  db: SqlSession,
  { table: shown }: TableOptions,
  table: string,
  stage: string,
  insert: () => Promise<void>,
): Promise<boolean> {
  if (!(await hasMore(db, table, stage))) return false;
  await assertNoCascade(db, shown, table);
  await lockTable(db, table);
  const triggers = await db.all(`SELECT tgname AS name, tgenabled AS enabled FROM pg_trigger
    WHERE tgrelid = ${oidOf(table)} AND NOT tgisinternal AND tgenabled <> 'D'`);
  const alter = (action: string, name: unknown): Promise<number> =>
    db.run(`ALTER TABLE ${ident(table)} ${action} TRIGGER ${ident(String(name))}`);
  for (const { name } of triggers) await alter('DISABLE', name);
  // References may point to rows that the new ones replace.
  await db.run('SET CONSTRAINTS ALL DEFERRED');
  await db.run(`DELETE FROM ${ident(table)}`);
  await insert();
  await db.run('SET CONSTRAINTS ALL IMMEDIATE');
  for (const { name, enabled } of triggers) await alter(ENABLE[String(enabled)] ?? 'ENABLE', name);
  return true;
}

/** By `tgenabled`. */
const ENABLE: Record<string, string> = { R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' };

/** @throws FlexetlError TARGET_INCOMPATIBLE */
export async function assertNoCascade(db: SqlSession, shown: string, table: string): Promise<void> {
  const [found] = await db.all(`SELECT conname AS name, conrelid::regclass AS child FROM pg_constraint
    WHERE contype = 'f' AND confrelid = ${oidOf(table)} AND conrelid <> confrelid AND confdeltype IN ('c', 'n', 'd') LIMIT 1`);
  if (!found) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `Table ${shown} cannot be replaced: the foreign key "${String(found['name'])}" of table ${String(found['child'])} would delete or change the rows of that table.`,
    hint: 'Use mode merge, or give the foreign key no action ON DELETE.',
  });
}

/** Against other writers, not against readers. */
export async function lockTable(db: SqlSession, table: string): Promise<void> {
  if ((await db.columns(table)).length === 0) return;
  await db.run(`LOCK TABLE ${ident(table)} IN SHARE ROW EXCLUSIVE MODE`);
}
