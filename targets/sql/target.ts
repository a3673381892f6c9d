/**
 * A table of any SQL database as a target, over a {@link SqlDialect}.
 *
 * Rows go into a staging table beside the target's, each part with its row in the load ledger in one transaction;
 * publishing is another transaction. After a kill at any moment the next attempt continues from the ledger.
 */
import { nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import { keyReused } from '../../plugin/key-reused';
import type { Batch, LoadKey, OpenTarget, Part, Target } from '../../plugin/target';
import { findLoads, removeLeftOver } from './begin';
import { assertColumns, assertNames } from './columns';
import type { SessionUse, SqlDialect, SqlSession } from './dialect';
import { hasLedger, openLedger, stageName, type LoadLedger } from './load-ledger';
import type { TableOptions } from './options';
import { stageSchema } from './order';
import { publishLoad, removeLoad } from './publish';
import { createTableSql } from './rows';
import { findState } from './state';

/** A target made of its dialect; `open` can be replaced, to run it in a thread. */
export function sqlTarget<O extends TableOptions>(
  dialect: SqlDialect<O>,
): Omit<Target<O>, 'type' | 'description' | 'options'> {
  return {
    capabilities: dialect.capabilities,
    name: (options) => `${dialect.database(options)}#${options.table}`,
    place: (options) => {
      const name = tableKey(dialect, options);
      const path = dialect.path?.(options);
      return path === undefined ? { name: `${dialect.database(options)}#${name}` } : { path, name };
    },
    mode: ({ mode }) => mode,
    writing: ({ mode, primary_key }) => ({ mode, ...(primary_key && { primary_key }) }),
    guarantee: ({ mode }) => GUARANTEES[mode],
    open: (options, context) => openSqlTarget(dialect, options, context),
  };
}

const GUARANTEES = {
  replace: 'Readers see the old table until the new one is complete; a retry never doubles a row.',
  append:
    'Readers see all rows of a run at once or none; a retry or a second run with the same key adds none twice.',
  merge:
    'Readers see all changes of a run at once or none; a retry or a second run with the same key changes nothing.',
};

/** The name of the table as the database compares names. */
function tableKey<O extends TableOptions>({ ignoresCase }: SqlDialect<O>, { table }: O): string {
  return ignoresCase ? nameKey(table) : table;
}

export function openSqlTarget<O extends TableOptions>(
  dialect: SqlDialect<O>,
  options: O,
  context: PluginContext,
): OpenTarget {
  const { table, mode } = options;
  const place = `${dialect.database(options)}, table ${table}`;
  const ledgerTable = tableKey(dialect, options);

  const withSession = async <T>(
    use: SessionUse,
    work: (db: SqlSession) => Promise<T>,
  ): Promise<T | undefined> => {
    let db: SqlSession | undefined;
    try {
      db = await dialect.connect(options, context, use);
      return db && (await work(db));
    } catch (error) {
      throw dialect.explain(error, options);
    } finally {
      await db?.close();
    }
  };

  return {
    async check(schema) {
      assertNames(dialect, options, schema, place);
      dialect.assertSchema?.(schema, place);
      return withSession('check', async (db) => {
        await hasLedger(db);
        await dialect.assertTable?.(db, options, schema);
        const existing = await db.columns(table);
        if (existing.length > 0 && mode !== 'replace')
          assertColumns(dialect, options, schema, existing, place);
        // Shows that the database can be written to. The lock of others need not be free before the load.
        await db
          .transaction(() => Promise.resolve())
          .catch((error: unknown) => {
            const known = dialect.explain(error, options);
            if (!(known instanceof FlexetlError && known.code === 'TARGET_BUSY')) throw error;
          });
        // A replaced table fires none.
        const triggers = mode === 'replace' ? [] : ((await dialect.triggers?.(db, options)) ?? []);
        return triggers.length === 0 ? [] : [warnOfTriggers(place, triggers)];
      });
    },

    async begin(key, anyRun) {
      const find = (db: SqlSession) => findLoads(db, key, ledgerTable, anyRun);
      const found = await withSession('check', find);
      if (found && (found.isVoid || found.leftOver.length > 0)) {
        await withSession('discard', (db) =>
          db.transaction(async () => removeLeftOver(dialect, db, key, ledgerTable, await find(db))),
        );
      }
      return found?.answer ?? { answer: 'fresh' };
    },

    async load(key, part) {
      const rows = await withSession('load', (db) => loadPart(db, key, part));
      if (rows === undefined) throw noDatabase(place);
      return { rows };
    },

    async publish(key, schema, rowsExpected, states = []) {
      const published = await withSession('publish', (db) =>
        db.transaction(() =>
          publishLoad({ dialect, options, place, ledgerTable }, db, key, schema, rowsExpected, states),
        ),
      );
      if (!published) throw noDatabase(place);
      return published;
    },

    state: (key) =>
      withSession('check', async (db) =>
        (await db.columns(table)).length > 0 ? findState(db, ledgerTable, key) : undefined,
      ),

    async discard(key) {
      await withSession('discard', async (db) => {
        const ledger = openLedger(db, key, ledgerTable);
        if (!(await ledger.exists())) return;
        await db.transaction(async () => {
          if (!(await ledger.published())) await removeLoad(dialect, ledgerTable, db, key, key);
        });
      });
    },
  };

  /** @returns the rows of the part, as the ledger has them */
  async function loadPart(db: SqlSession, key: LoadKey, part: Part): Promise<number> {
    const ledger = openLedger(db, key, ledgerTable);
    const already = await findLoaded(ledger, key, part);
    if (already !== undefined) return already;
    const stage = stageName(ledgerTable, key, key);
    await makeStage(db, ledger, stage, part.schema);
    try {
      return await db.transaction(async () => {
        const meanwhile = await findLoaded(ledger, key, part);
        if (meanwhile !== undefined) return meanwhile;
        // First, so that its primary key stops a second attempt before it writes a row.
        await ledger.record(part.index, part.rows);
        const written = await db.write(stage, part, watchBatches(part, context));
        if (written === part.rows) return written;
        throw new FlexetlError('ROWS_UNBALANCED', {
          message: `${place}: part ${part.index} has ${part.rows} rows, ${written} were written. It was not loaded.`,
        });
      });
    } catch (error) {
      // It may have lost against another attempt, which has written the same rows.
      const theirs = await findLoaded(ledger, key, part).catch(() => undefined);
      if (theirs === undefined || context.signal.aborted) throw error;
      return theirs;
    }
  }

  /** @throws FlexetlError for a part that a published load did not have: KEY_REUSED, ROWS_UNBALANCED */
  async function findLoaded(ledger: LoadLedger, key: LoadKey, part: Part): Promise<number | undefined> {
    const rows = await ledger.find(part.index);
    const published = rows === undefined ? await ledger.published() : undefined;
    if (!published) return rows;
    if (published.digest !== key.digest) throw keyReused(place, key, published);
    throw new FlexetlError('ROWS_UNBALANCED', {
      message: `Run key "${key.runKey}" has already published table ${table}, without a part ${part.index}.`,
      hint: 'The input is not what it was in that run: load it under another run key.',
    });
  }

  /** In its own transaction, so that loads of several parts need not wait for the first one. */
  async function makeStage(db: SqlSession, ledger: LoadLedger, stage: string, schema: Schema): Promise<void> {
    const exists = async (): Promise<boolean> => (await db.columns(stage)).length > 0;
    if (await exists()) return;
    try {
      await db.transaction(async () => {
        await ledger.create();
        await db.run(createTableSql(dialect, stage, stageSchema(schema, options, dialect.numbersRows)));
        await ledger.recordStage();
      });
    } catch (error) {
      // Another attempt may have made it meanwhile.
      if (!(await exists())) throw error;
    }
  }
}

/** The batches of a part; reports progress, and ends between two batches after a cancellation. */
async function* watchBatches(part: Part, { signal, progress }: PluginContext): AsyncGenerator<Batch> {
  let rows = 0;
  for await (const batch of part.batches()) {
    if (signal.aborted) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
    yield batch;
    rows += batch.rows;
    progress(rows / part.rows);
  }
}

function warnOfTriggers(place: string, triggers: readonly string[]): string {
  return `${place} has ${triggers.length === 1 ? 'a trigger' : 'triggers'} (${triggers.join(', ')}): the row balance does not see rows that a trigger changes, or removes while it adds others.`;
}

function noDatabase(place: string): FlexetlError {
  return new FlexetlError('INTERNAL', { message: `${place}: the dialect made no connection.` });
}
