/**
 * The load ledger: one row for each part that is in a database, written in the transaction that writes its rows.
 * Its primary key prevents a second attempt, however late, from writing a part again.
 */
import { createHash } from 'node:crypto';
import { FlexetlError } from '../../pipeline/errors';
import { literal } from '../../pipeline/sql';
import type { EarlierLoad, LoadKey, Published } from '../../plugin/target';
import type { SqlSession } from './dialect';

const LEDGER = '_flexetl_loads';
const STAGE_PREFIX = '_flexetl_stage_';

/** Part numbers of rows that are not parts: the key is published; a staging table exists, so it is not. */
const PUBLISHED = -1;
const STAGED = -2;
/** Its rows are those that a merge has left out, because later ones have their key. */
const DEDUPLICATED = -3;

export interface PublishedRow extends EarlierLoad {
  updated: number;
  deduplicated: number;
}

/** A load that is not published: it has a staging table. */
export type OpenLoad = Pick<LoadKey, 'runKey' | 'plan'>;

export type LoadLedger = ReturnType<typeof openLedger>;

/**
 * The ledger as one load sees it.
 * @param table as the database compares names
 */
export function openLedger(db: SqlSession, key: LoadKey, table: string) {
  const { project, pipeline, runKey, plan, digest, content } = key;
  const ofTarget = `project = ${literal(project)} AND pipeline = ${literal(pipeline)} AND target = ${literal(table)}`;
  const ofKey = `${ofTarget} AND run_key = ${literal(runKey)}`;
  const ofLoad = (load: OpenLoad): string =>
    `${ofTarget} AND run_key = ${literal(load.runKey)} AND plan = ${literal(load.plan)}`;
  /** The row of a key that is published has no plan: the key is published once, whatever the plan. */
  const record = async (part: number, rows: number, updated = 0): Promise<void> => {
    const ofPlan = part === PUBLISHED || part === DEDUPLICATED ? '' : plan;
    const texts = [project, pipeline, runKey, table, ofPlan, digest, content, new Date().toISOString()];
    await db.run(
      `INSERT INTO ${LEDGER} VALUES (${texts.map(literal).join(', ')}, ${part}, ${rows}, ${updated}, 0)`,
    );
  };
  const findPublished = async (where: string): Promise<PublishedRow | undefined> => {
    const [row] = await db.all(
      `SELECT * FROM ${LEDGER} WHERE ${where} AND part = ${PUBLISHED} ORDER BY loaded_at DESC LIMIT 1`,
    );
    return row && publishedOf(row);
  };
  return {
    exists: (): Promise<boolean> => hasLedger(db),
    create: (): Promise<number> =>
      db.run(`CREATE TABLE IF NOT EXISTS ${LEDGER} (
        project TEXT NOT NULL, pipeline TEXT NOT NULL, run_key TEXT NOT NULL, target TEXT NOT NULL, plan TEXT NOT NULL,
        digest TEXT NOT NULL, content TEXT NOT NULL, loaded_at TEXT NOT NULL,
        part BIGINT NOT NULL, rows BIGINT NOT NULL, updated BIGINT NOT NULL, replaced INTEGER NOT NULL,
        PRIMARY KEY (project, pipeline, run_key, target, plan, part))`),
    /** @returns the rows of a part, if it is loaded */
    async find(part: number): Promise<number | undefined> {
      if (!(await hasLedger(db))) return undefined;
      const [row] = await db.all(`SELECT rows FROM ${LEDGER} WHERE ${ofLoad(key)} AND part = ${part}`);
      return row && Number(row['rows']);
    },
    /** What the key has published, whatever it was. */
    async published(): Promise<PublishedRow | undefined> {
      const row = (await hasLedger(db)) ? await findPublished(ofKey) : undefined;
      if (!row) return undefined;
      const [left] = await db.all(`SELECT rows FROM ${LEDGER} WHERE ${ofKey} AND part = ${DEDUPLICATED}`);
      return { ...row, deduplicated: Number(left?.['rows'] ?? 0) };
    },
    /** A published load of the same rows that the table still has, of any run. */
    publishedByAny: (): Promise<PublishedRow | undefined> =>
      findPublished(`${ofTarget} AND digest = ${literal(digest)} AND replaced = 0`),
    record,
    recordStage: (): Promise<void> => record(STAGED, 0),
    async recordPublished({ rows, updated, deduplicated = 0 }: Omit<Published, 'inserted'>): Promise<void> {
      if (deduplicated > 0) await record(DEDUPLICATED, deduplicated);
      await record(PUBLISHED, rows, updated);
    },
    async count(): Promise<{ parts: number; rows: number }> {
      const sql = `SELECT count(*) AS parts, coalesce(sum(rows), 0) AS row_count FROM ${LEDGER}`;
      const [row = {}] = await db.all(`${sql} WHERE ${ofLoad(key)} AND part >= 0`);
      return { parts: Number(row['parts']), rows: Number(row['row_count']) };
    },
    /** The loads of this pipeline into this table that are not published. */
    async open(): Promise<OpenLoad[]> {
      const rows = await db.all(`SELECT run_key, plan FROM ${LEDGER} WHERE ${ofTarget} AND part = ${STAGED}`);
      return rows.map((row) => ({ runKey: String(row['run_key']), plan: String(row['plan']) }));
    },
    forget: (load: OpenLoad): Promise<number> => db.run(`DELETE FROM ${LEDGER} WHERE ${ofLoad(load)}`),
    /** The staging table is gone: the load is no longer open. */
    forgetStage: (): Promise<number> =>
      db.run(`DELETE FROM ${LEDGER} WHERE ${ofLoad(key)} AND part = ${STAGED}`),
    /** Forgets that the key is published, and its parts. */
    forgetPublished: (): Promise<number> => db.run(`DELETE FROM ${LEDGER} WHERE ${ofKey}`),
    /** The table has none of the rows that were published into it so far, by anyone. */
    markReplaced: (): Promise<number> =>
      db.run(`UPDATE ${LEDGER} SET replaced = 1 WHERE target = ${literal(table)} AND part = ${PUBLISHED}`),
  };
}

function publishedOf(row: Record<string, unknown>): PublishedRow {
  return {
    runKey: String(row['run_key']),
    digest: String(row['digest']),
    content: String(row['content']),
    rows: Number(row['rows']),
    updated: Number(row['updated']),
    deduplicated: 0,
    publishedAt: String(row['loaded_at']),
  };
}

/** @throws FlexetlError TARGET_INCOMPATIBLE for the ledger of a version that kept it otherwise */
export async function hasLedger(db: SqlSession): Promise<boolean> {
  const columns = await db.columns(LEDGER);
  if (columns.length === 0 || columns.some(({ name }) => name === 'digest')) return columns.length > 0;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `The table ${LEDGER} was made by an older version of FlexETL.`,
    hint: `Drop it when no run is open: it only says which runs are loaded.`,
  });
}

/** The staging table of a load: readable for users, and unique. PostgreSQL allows 63 bytes. */
export function stageName(table: string, { project, pipeline }: LoadKey, { runKey, plan }: OpenLoad): string {
  const digest = createHash('sha256')
    .update([project, pipeline, runKey, plan, table].join('\0'))
    .digest('hex');
  let shown = [...table].slice(0, 30);
  while (Buffer.byteLength(shown.join('')) > 30) shown = shown.slice(0, -1);
  return `${STAGE_PREFIX}${shown.join('')}_${digest.slice(0, 16)}`;
}
