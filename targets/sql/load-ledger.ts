/**
 * The load ledger: one row for each part that is in a database, written in the transaction that writes its rows.
 * Its primary key prevents a second attempt, however late, from writing a part again.
 */
import { createHash } from 'node:crypto';
import { FlexetlError } from '../../pipeline/errors';
import { literal } from '../../pipeline/sql';
import type { LoadKey } from '../../plugin/target';
import type { SqlSession } from './dialect';

const LEDGER = '_flexetl_loads';
const STAGE_PREFIX = '_flexetl_stage_';

/** Part numbers of rows that are not parts: the key is published; its staging table exists. */
export const PUBLISHED = -1;
const STAGED = -2;

export interface LedgerRow {
  rows: number;
  /** Only in the row {@link PUBLISHED}. */
  updated: number;
}

export type LoadLedger = ReturnType<typeof openLedger>;

/** The ledger as one key sees it. */
export function openLedger(db: SqlSession, key: LoadKey) {
  const ofLoad = `pipeline = ${literal(key.pipeline)} AND target = ${literal(key.target)}`;
  const ofKey = `${ofLoad} AND run_key = ${literal(key.runKey)}`;
  const ledger = {
    exists: (): Promise<boolean> => hasLedger(db),
    create: (): Promise<number> =>
      db.run(`CREATE TABLE IF NOT EXISTS ${LEDGER} (
        pipeline TEXT NOT NULL, run_key TEXT NOT NULL, target TEXT NOT NULL, part INTEGER NOT NULL,
        rows BIGINT NOT NULL, updated BIGINT NOT NULL, loaded_at TEXT NOT NULL,
        PRIMARY KEY (pipeline, run_key, target, part))`),
    async find(part: number): Promise<LedgerRow | undefined> {
      if (!(await ledger.exists())) return undefined;
      const [row] = await db.all(`SELECT rows, updated FROM ${LEDGER} WHERE ${ofKey} AND part = ${part}`);
      return row && { rows: Number(row['rows']), updated: Number(row['updated']) };
    },
    async record(part: number, rows: number, updated = 0): Promise<void> {
      const values = [key.pipeline, key.runKey, key.target].map(literal).join(', ');
      const now = literal(new Date().toISOString());
      await db.run(`INSERT INTO ${LEDGER} VALUES (${values}, ${part}, ${rows}, ${updated}, ${now})`);
    },
    recordStage: (): Promise<void> => ledger.record(STAGED, 0),
    async count(): Promise<{ parts: number; rows: number }> {
      const sql = `SELECT count(*) AS parts, coalesce(sum(rows), 0) AS row_count FROM ${LEDGER}`;
      const [row = {}] = await db.all(`${sql} WHERE ${ofKey} AND part >= 0`);
      return { parts: Number(row['parts']), rows: Number(row['row_count']) };
    },
    /** Removes what is not published. */
    forget: (): Promise<number> => db.run(`DELETE FROM ${LEDGER} WHERE ${ofKey} AND part <> ${PUBLISHED}`),
    /** Keys of the same load whose runs crashed and have done nothing for `keepMs`. */
    async abandoned(keepMs: number): Promise<LoadKey[]> {
      const since = literal(new Date(Date.now() - keepMs).toISOString());
      const rows = await db.all(`SELECT run_key FROM ${LEDGER} WHERE ${ofLoad} GROUP BY run_key
        HAVING max(CASE WHEN part = ${PUBLISHED} THEN 1 ELSE 0 END) = 0 AND max(loaded_at) < ${since}`);
      return rows.map((row) => ({ ...key, runKey: String(row['run_key']) }));
    },
  };
  return ledger;
}

/** @throws FlexetlError TARGET_INCOMPATIBLE for the ledger of a version that kept it otherwise */
export async function hasLedger(db: SqlSession): Promise<boolean> {
  const columns = await db.columns(LEDGER);
  if (columns.length === 0 || columns.some(({ name }) => name === 'updated')) return columns.length > 0;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `The table ${LEDGER} was made by an older version of FlexETL.`,
    hint: `Drop it when no run is open: it only says which runs are loaded.`,
  });
}

/** The staging table of a key: readable for users, and unique. PostgreSQL allows 63 characters. */
export function stageName(table: string, { pipeline, runKey, target }: LoadKey): string {
  const digest = createHash('sha256').update([pipeline, runKey, target].join('\0')).digest('hex');
  return `${STAGE_PREFIX}${table.slice(0, 30)}_${digest.slice(0, 16)}`;
}
