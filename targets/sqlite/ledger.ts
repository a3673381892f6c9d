/**
 * The ledger: one row for each part that is in a database, written in the transaction that writes its rows.
 * Its primary key is what keeps a second attempt, however late, from writing a part again.
 */
import { createHash } from 'node:crypto';
import type { LoadKey } from '../../plugin/target';
import { ident } from '../../pipeline/sql';
import type { Sqlite } from './binding';
import { kindOfTable } from './database';

export const LEDGER = '_flexetl_loads';
const STAGE_PREFIX = '_flexetl_stage_';

/** The part number of the row that says: this key is published, with so many rows. */
const PUBLISHED = -1;

export function createLedger(db: Sqlite): void {
  db.exec(`CREATE TABLE IF NOT EXISTS ${LEDGER} (
    pipeline TEXT NOT NULL, run_key TEXT NOT NULL, target TEXT NOT NULL, part INTEGER NOT NULL,
    rows INTEGER NOT NULL, loaded_at TEXT NOT NULL,
    PRIMARY KEY (pipeline, run_key, target, part)) WITHOUT ROWID`);
}

export function hasLedger(db: Sqlite): boolean {
  return kindOfTable(db, LEDGER) !== undefined;
}

/** Rows of a part that is in the ledger. */
export function findPart(db: Sqlite, key: LoadKey, part: number): number | undefined {
  if (!hasLedger(db)) return undefined;
  const sql = `SELECT rows FROM ${LEDGER} WHERE pipeline = ? AND run_key = ? AND target = ? AND part = ?`;
  return db
    .prepare(sql)
    .pluck()
    .get(...keyValues(key), part) as number | undefined;
}

/** Rows that a key has published. */
export function findPublished(db: Sqlite, key: LoadKey): number | undefined {
  return findPart(db, key, PUBLISHED);
}

export function recordPart(db: Sqlite, key: LoadKey, part: number, rows: number): void {
  const now = `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`;
  db.prepare(`INSERT INTO ${LEDGER} VALUES (?, ?, ?, ?, ?, ${now})`).run(...keyValues(key), part, rows);
}

export function recordPublished(db: Sqlite, key: LoadKey, rows: number): void {
  recordPart(db, key, PUBLISHED, rows);
}

export function countParts(db: Sqlite, key: LoadKey): { parts: number; rows: number } {
  const sql = `SELECT count(*) AS parts, coalesce(sum(rows), 0) AS rows FROM ${LEDGER}
    WHERE pipeline = ? AND run_key = ? AND target = ? AND part >= 0`;
  return db.prepare(sql).get(...keyValues(key)) as { parts: number; rows: number };
}

/** The staging table of a key: readable where a user meets it, and unique. */
export function stageName(table: string, key: LoadKey): string {
  const digest = createHash('sha256').update(keyValues(key).join('\0')).digest('hex');
  return `${STAGE_PREFIX}${table}_${digest.slice(0, 16)}`;
}

/** Removes what a key has loaded and not published. */
export function forgetLoad(db: Sqlite, table: string, key: LoadKey): void {
  db.exec(`DROP TABLE IF EXISTS ${ident(stageName(table, key))}`);
  const sql = `DELETE FROM ${LEDGER} WHERE pipeline = ? AND run_key = ? AND target = ? AND part >= 0`;
  db.prepare(sql).run(...keyValues(key));
}

/** Removes what other runs of the same load left behind that died and were never ended. */
export function forgetAbandoned(db: Sqlite, table: string, key: LoadKey, keepMs: number): void {
  const sql = `SELECT run_key FROM ${LEDGER} WHERE pipeline = ? AND target = ? AND run_key <> ?
    GROUP BY run_key HAVING min(part) > ${PUBLISHED} AND max(loaded_at) < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)`;
  const dead = db
    .prepare(sql)
    .pluck()
    .all(key.pipeline, key.target, key.runKey, `-${keepMs / 1000} seconds`) as string[];
  for (const runKey of dead) forgetLoad(db, table, { ...key, runKey });
}

function keyValues(key: LoadKey): [string, string, string] {
  return [key.pipeline, key.runKey, key.target];
}
