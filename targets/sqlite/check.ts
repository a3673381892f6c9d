/** Finds out before any work whether a load can succeed. Creates nothing. */
import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import type { Sqlite } from './binding';
import { assertAppendable, assertNames } from './columns';
import { kindOfTable, notDatabase, readColumns, transact, translateError, withDatabase } from './database';
import type { Patience } from './database';
import { rowidName } from './load';
import type { TaskOf } from './messages';

type CheckJob = TaskOf<'check'>;

/** @throws FlexetlError TARGET_INVALID, TARGET_INCOMPATIBLE, TARGET_BUSY */
export async function check(job: CheckJob, patience: Patience): Promise<{ rows: number }> {
  const place = `${job.shownFile}, table ${job.table}`;
  assertNames(job.schema, place);
  rowidName(job.schema, place);
  if (!assertFile(job)) return { rows: 0 };
  return withDatabase(job, patience, async (db) => {
    assertTable(db, job, place);
    // Shows that the lock can be had and the file written to; rolled back, it changes nothing.
    await transact(db, patience, () => undefined);
    return { rows: 0 };
  });
}

/** @returns whether there is a database already */
function assertFile({ file, shownFile }: CheckJob): boolean {
  try {
    if (!existsSync(file)) {
      let folder = dirname(file);
      while (!existsSync(folder)) folder = dirname(folder);
      if (!statSync(folder).isDirectory()) throw notFolder(shownFile, folder);
      // Only trying tells: /proc and network shares allow access and then refuse.
      rmdirSync(mkdtempSync(join(folder, '.flexetl-')));
      return false;
    }
    if (statSync(file).isDirectory()) throw notDatabase(shownFile, 'it is a folder');
    accessSync(file, constants.R_OK | constants.W_OK);
    accessSync(dirname(file), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw translateError(error, shownFile);
  }
  return true;
}

function notFolder(shownFile: string, path: string): FlexetlError {
  return new FlexetlError('TARGET_INVALID', {
    message: `${shownFile} cannot be created: ${path} is a file, not a folder.`,
    hint: 'Choose another path in `database`.',
  });
}

function assertTable(db: Sqlite, job: CheckJob, place: string): void {
  const sql = `SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('index', 'trigger')`;
  const other = db.prepare(sql).pluck().get(job.table) as string | undefined;
  const kind = other ?? kindOfTable(db, job.table);
  if (kind === undefined) return;
  if (kind !== 'table') {
    throw new FlexetlError('TARGET_INVALID', {
      message: `${job.shownFile}: "${job.table}" is ${kind === 'index' ? 'an' : 'a'} ${kind}${kind === 'virtual' ? ' table' : ''}, expected a table.`,
      hint: 'Choose another name in `table`.',
    });
  }
  if (job.mode === 'append') assertAppendable(job.schema, readColumns(db, job.table), place);
  else assertIndexes(db, job, place);
}

/** Indexes outlive a replaced table, so their columns must still be there. */
function assertIndexes(db: Sqlite, job: CheckJob, place: string): void {
  const sql = `SELECT l.name AS "index", i.name AS "column" FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i
    WHERE l.origin = 'c' AND i.name IS NOT NULL`;
  const columns = db.prepare(sql).all(job.table) as { index: string; column: string }[];
  const names = new Set(job.schema.map(({ name }) => name.toLowerCase()));
  const lost = columns.find(({ column }) => !names.has(column.toLowerCase()));
  if (!lost) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: index "${lost.index}" is on column "${lost.column}", which this pipeline does not have.`,
    hint: 'Drop the index, or keep the column in the pipeline.',
  });
}
