/** Makes the rows of a load visible, all in one transaction, or removes them. */
import { existsSync } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident } from '../../pipeline/sql';
import type { Sqlite } from './binding';
import { affinityOf, assertAppendable, createTableSql, findTableColumn } from './columns';
import {
  assertNotAborted,
  kindOfTable,
  readColumns,
  transact,
  withDatabase,
  type Patience,
} from './database';
import {
  countParts,
  createLedger,
  findPublished,
  forgetAbandoned,
  forgetLoad,
  hasLedger,
  recordPublished,
  stageName,
} from './ledger';
import { readTextColumns, rowidName } from './load';
import type { TaskOf } from './messages';

type PublishJob = TaskOf<'publish'>;

/** @returns rows that this load has made visible, now or in an earlier attempt */
export async function publish(job: PublishJob, patience: Patience): Promise<{ rows: number }> {
  return withDatabase(job, patience, (db) =>
    transact(db, patience, async () => {
      createLedger(db);
      const already = findPublished(db, job.key);
      if (already !== undefined) return { rows: already };
      const stage = stageName(job.table, job.key);
      if (readColumns(db, stage).length === 0) db.exec(createTableSql(stage, job.schema, new Set()));
      const rows = assertBalanced(db, job, stage);
      if (job.mode === 'append' && kindOfTable(db, job.table) !== undefined) {
        await appendRows(db, job, stage, patience);
      } else {
        replaceTable(db, job, stage);
      }
      recordPublished(db, job.key, rows);
      forgetAbandoned(db, job.table, job.key, LIMITS.stagingKeepMs);
      return { rows };
    }),
  );
}

/** Removes what is not published. */
export async function discard(job: TaskOf<'discard'>, patience: Patience): Promise<{ rows: number }> {
  if (!existsSync(job.file)) return { rows: 0 };
  return withDatabase(job, patience, (db) =>
    transact(db, patience, () => {
      if (hasLedger(db) && findPublished(db, job.key) === undefined) forgetLoad(db, job.table, job.key);
      return { rows: 0 };
    }),
  );
}

function assertBalanced(db: Sqlite, job: PublishJob, stage: string): number {
  const ledger = countParts(db, job.key);
  const staged = db
    .prepare(`SELECT count(*) FROM ${ident(stage)}`)
    .pluck()
    .get() as number;
  const expected = job.rowsExpected ?? ledger.rows;
  if (ledger.rows === staged && expected === staged) return staged;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message:
      `${job.shownFile}: table ${job.table} was to get ${expected} rows; the ledger has ${ledger.rows} ` +
      `in ${ledger.parts} parts, the staging table holds ${staged}. Nothing was published.`,
    hint: 'Did another program change the file during the run? Run the pipeline again under another run key.',
  });
}

/** The old table goes and the new one takes its name, indexes and triggers. */
function replaceTable(db: Sqlite, job: PublishJob, stage: string): void {
  const sql = `SELECT type, name, sql FROM sqlite_schema
    WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL`;
  const extras = db.prepare(sql).all(job.table) as { type: string; name: string; sql: string }[];
  db.exec(`DROP TABLE IF EXISTS ${ident(job.table)}`);
  db.exec(`ALTER TABLE ${ident(stage)} RENAME TO ${ident(job.table)}`);
  for (const extra of extras) {
    try {
      db.exec(extra.sql);
    } catch (cause) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${job.shownFile}: ${extra.type} "${extra.name}" does not fit the new rows of table ${job.table}: ${messageOf(cause)}. The old table is unchanged.`,
        hint: `Drop the ${extra.type}, or change the pipeline so that it fits.`,
        cause,
      });
    }
  }
}

/** Rows of one INSERT … SELECT: a cancellation is seen between two. */
const APPEND_ROWS = 50_000;

async function appendRows(db: Sqlite, job: PublishJob, stage: string, patience: Patience): Promise<void> {
  const values = appendValues(db, job, stage);
  const rowid = rowidName(job.schema, job.table);
  const names = job.schema.map(({ name }) => ident(name)).join(', ');
  const nextEnd = db
    .prepare(
      `SELECT max(id) FROM (SELECT ${rowid} AS id FROM ${ident(stage)} WHERE ${rowid} > ? ORDER BY 1 LIMIT ${APPEND_ROWS})`,
    )
    .pluck();
  const insert = db.prepare(
    `INSERT INTO ${ident(job.table)} (${names}) SELECT ${values.join(', ')} FROM ${ident(stage)}
     WHERE ${rowid} > ? AND ${rowid} <= ? ORDER BY ${rowid}`,
  );
  let from = 0;
  for (;;) {
    const end = nextEnd.get(from) as number | null;
    if (end === null) break;
    assertNotAborted(patience.signal);
    insert.run(from, end);
    from = end;
    await breathe();
  }
  db.exec(`DROP TABLE ${ident(stage)}`);
}

/** What to select from staging for each column, so that decimals keep the form that the table has. */
function appendValues(db: Sqlite, job: PublishJob, stage: string): string[] {
  const table = readColumns(db, job.table);
  assertAppendable(job.schema, table, `${job.shownFile}, table ${job.table},`);
  const staged = readTextColumns(db, stage);
  return job.schema.map(({ name, type }) => {
    if (type.kind !== 'decimal') return ident(name);
    const affinity = affinityOf(findTableColumn(table, name)?.type ?? '');
    if (affinity === 'TEXT') return `flexetl_decimal_text(${ident(name)}, ${type.scale})`;
    if (!staged.has(name)) return ident(name);
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `${job.shownFile}: column "${name}" of table ${job.table} keeps 15 digits of a decimal, and a value of this run has more. Nothing was published.`,
      hint: `Make it a column of type DECIMAL_TEXT, or round the value with a cast, or use mode: replace.`,
    });
  });
}
