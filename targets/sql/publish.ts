/** Makes the rows of a load visible, all in one transaction, or removes them. */
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import { assertNotShrunk } from '../../plugin/max-shrink';
import { keyReused } from '../../plugin/key-reused';
import type { LoadKey, Published, StateToSave } from '../../plugin/target';
import type { SqlDialect, SqlSession } from './dialect';
import { openLedger, stageName, type OpenLoad } from './load-ledger';
import type { TableOptions } from './options';
import { mergeRows, type Merged } from './merge';
import { stageSchema } from './order';
import { assertHeld, appendRows, countRows, createTableSql, type TargetTable } from './rows';
import { forgetStates, saveState } from './state';

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
  states: readonly StateToSave[],
): Promise<Published> {
  const { dialect, options, place, ledgerTable } = target;
  const { table, mode } = options;
  const ledger = openLedger(db, key, ledgerTable);
  await ledger.create();
  const already = await ledger.published();
  if (already && already.digest !== key.digest) throw keyReused(place, key, already);
  if (already) return publishedOf(already.rows, already);
  const stage = stageName(ledgerTable, key, key);
  if ((await db.columns(stage)).length === 0) {
    await db.run(createTableSql(dialect, stage, stageSchema(schema, options, dialect.numbersRows)));
  }
  const rows = await countRows(dialect, db, stage);
  assertStaged(target, await ledger.count(), rows, rowsExpected);

  const exists = (await db.columns(table)).length > 0;
  const isCounted = mode !== 'replace' || options.max_shrink !== undefined;
  const found = exists && isCounted ? await countRows(dialect, db, table) : 0;
  if (mode === 'replace') assertNotShrunk(place, found, rows, options.max_shrink);
  const before = mode === 'replace' ? 0 : found;
  const append = (): Promise<void> => appendRows(target, db, stage, schema, rows);
  let merged = { updated: 0, deduplicated: 0 };
  if (mode === 'merge') merged = await mergeRows(target, db, stage, schema, exists, rows);
  else if (mode === 'append' && exists) await append();
  else if (!exists || !(await db.refill?.(table, append, stage)))
    await replaceTable(dialect, db, table, stage);
  const { updated, deduplicated } = merged;
  assertHeld(target, before + rows - updated - deduplicated, await countRows(dialect, db, table));

  if (!exists || mode === 'replace') {
    await ledger.markReplaced();
    await forgetStates(db, ledgerTable);
  }
  for (const state of states) await saveState(db, ledgerTable, key, state);
  await ledger.recordPublished({ rows, updated, deduplicated });
  await db.run(`DROP TABLE IF EXISTS ${dialect.quote(stage)}`);
  await ledger.forgetStage();
  return publishedOf(rows, merged);
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

function publishedOf(rows: number, { updated, deduplicated }: Merged): Published {
  const inserted = rows - updated - deduplicated;
  return { rows, inserted, updated, ...(deduplicated > 0 && { deduplicated }) };
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
