/** States of incremental sources, in the database that has their rows: one row for each source, as long as a publish. */
import { literal } from '../../pipeline/sql';
import type { Position } from '../../plugin/source';
import type { LoadKey, SavedState, StateKey, StateToSave } from '../../plugin/target';
import type { SqlSession } from './dialect';

const STATES = '_flexetl_states';

/** @param table as the database compares names */
export async function findState(
  db: SqlSession,
  table: string,
  key: StateKey,
): Promise<SavedState | undefined> {
  if ((await db.columns(STATES)).length === 0) return undefined;
  const [row] = await db.all(`SELECT state, run_key, saved_at FROM ${STATES} WHERE ${isOf(table, key)}`);
  return (
    row && {
      state: JSON.parse(String(row['state'])) as Position,
      runKey: String(row['run_key']),
      savedAt: String(row['saved_at']),
    }
  );
}

/** Inside the transaction that publishes the rows. */
export async function saveState(
  db: SqlSession,
  table: string,
  { project, pipeline, runKey }: LoadKey,
  { source, state }: StateToSave,
): Promise<void> {
  await db.run(`CREATE TABLE IF NOT EXISTS ${STATES} (
    project TEXT NOT NULL, pipeline TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
    run_key TEXT NOT NULL, saved_at TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (project, pipeline, source, target))`);
  await db.run(`DELETE FROM ${STATES} WHERE ${isOf(table, { project, pipeline, source })}`);
  const savedAt = new Date().toISOString();
  const texts = [project, pipeline, source, table, runKey, savedAt, JSON.stringify(state)];
  await db.run(`INSERT INTO ${STATES} VALUES (${texts.map(literal).join(', ')})`);
}

/** The table has none of the rows that the states are about. */
export async function forgetStates(db: SqlSession, table: string): Promise<void> {
  if ((await db.columns(STATES)).length > 0)
    await db.run(`DELETE FROM ${STATES} WHERE target = ${literal(table)}`);
}

function isOf(table: string, { project, pipeline, source }: StateKey): string {
  const parts = Object.entries({ project, pipeline, source, target: table });
  return parts.map(([name, value]) => `${name} = ${literal(value)}`).join(' AND ');
}
