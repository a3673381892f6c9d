/** Opening a SQLite file, waiting for its lock, and what its errors mean. */
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { makeFolders } from '../../runtime/folders';
import { openSqlite, type Sqlite } from './binding';
import type { TableColumn } from './columns';
import { decimalText, type SqliteValue } from './values';
import type { Job } from './messages';

/** SQLite itself waits this long; longer waits are a loop that sees a cancellation. */
const NATIVE_BUSY_MS = 100;

/** What bounds a wait. */
export interface Patience {
  busyMs: number;
  signal: AbortSignal;
}

/**
 * Opens the file, creating it and its folders, makes it a WAL database (readers and one writer do not disturb
 * each other), and closes it after `work`. A check opens what is there and leaves it as it is.
 * @throws FlexetlError TARGET_BUSY, TARGET_INVALID, DISK_FULL, CANCELLED
 */
export async function withDatabase<T>(
  { file, shownFile, mode, task }: Job,
  patience: Patience,
  work: (db: Sqlite) => Promise<T>,
): Promise<T> {
  let db: Sqlite | undefined;
  try {
    if (task !== 'check') makeFolders(dirname(file));
    db = openSqlite(file, { timeout: NATIVE_BUSY_MS, fileMustExist: task === 'check' });
    if (task !== 'check') await prepare(db, mode, patience);
    return await work(db);
  } catch (error) {
    throw translateError(error, shownFile);
  } finally {
    db?.close();
  }
}

async function prepare(db: Sqlite, mode: Job['mode'], patience: Patience): Promise<void> {
  await retryBusy(patience, () => {
    if (db.pragma('journal_mode', { simple: true }) !== 'wal') db.pragma('journal_mode = WAL');
  });
  // A power cut after COMMIT loses nothing.
  db.pragma('synchronous = FULL');
  // Appended rows keep the promises of the table. Replacing a table drops it, which would delete rows elsewhere.
  db.pragma(`foreign_keys = ${mode === 'append' ? 'ON' : 'OFF'}`);
  // Renaming the staging table leaves views and triggers on the target's name alone.
  db.pragma('legacy_alter_table = ON');
  db.function('flexetl_decimal_text', { deterministic: true, safeIntegers: true }, (value, scale) =>
    decimalText(value as SqliteValue, Number(scale)),
  );
}

/** Runs `work` in one write transaction: all of it or, after an error or a cancellation, nothing. */
export async function transact<T>(db: Sqlite, patience: Patience, work: () => T | Promise<T>): Promise<T> {
  await retryBusy(patience, () => db.exec('BEGIN IMMEDIATE'));
  try {
    const result = await work();
    assertNotAborted(patience.signal);
    // Busy only where the file could not become a WAL database and a reader is in the way.
    await retryBusy(patience, () => db.exec('COMMIT'));
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

export function assertNotAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
}

/** Columns of a table in order; empty when there is no such table. */
export function readColumns(db: Sqlite, table: string): TableColumn[] {
  return db.prepare('SELECT * FROM pragma_table_xinfo(?)').all(table) as TableColumn[];
}

/** `table`, `view`, `virtual` or `shadow`, or undefined when nothing has that name. */
export function kindOfTable(db: Sqlite, table: string): string | undefined {
  const sql = `SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE`;
  return db.prepare(sql).pluck().get(table) as string | undefined;
}

async function retryBusy(patience: Patience, attempt: () => unknown): Promise<void> {
  const deadline = performance.now() + patience.busyMs;
  for (;;) {
    assertNotAborted(patience.signal);
    try {
      attempt();
      return;
    } catch (error) {
      if (!codeOf(error).startsWith('SQLITE_BUSY') || performance.now() > deadline) throw error;
    }
    // Lets a cancellation in.
    await delay(10);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** The FlexetlError that an error of SQLite or of the file system means; others pass through. */
export function translateError(error: unknown, shownFile: string): unknown {
  if (error instanceof FlexetlError) return error;
  const cause = error;
  const code = codeOf(error);
  const is = (...prefixes: string[]): boolean => prefixes.some((prefix) => code.startsWith(prefix));
  if (is('SQLITE_BUSY', 'SQLITE_LOCKED')) {
    return new FlexetlError('TARGET_BUSY', {
      message: `${shownFile} is locked by another program.`,
      hint: 'Close the program that writes to it (an open transaction in a database browser, say); the run tries again by itself.',
      cause,
    });
  }
  if (is('SQLITE_FULL', 'ENOSPC')) {
    return new FlexetlError('DISK_FULL', {
      message: `The disk of ${shownFile} is full.`,
      hint: 'Free space; the run goes on by itself.',
      cause,
    });
  }
  if (is('SQLITE_NOTADB', 'SQLITE_CORRUPT')) return notDatabase(shownFile, messageOf(error), cause);
  if (
    is(
      'SQLITE_READONLY',
      'SQLITE_CANTOPEN',
      'SQLITE_PERM',
      'EACCES',
      'EPERM',
      'EROFS',
      'ENOTDIR',
      'EEXIST',
      'ENOENT',
    )
  ) {
    return new FlexetlError('TARGET_INVALID', {
      message: `${shownFile} cannot be opened for writing: ${messageOf(error)}.`,
      hint: 'Check that its folder can be created and written to, or choose another path in `database`.',
      cause,
    });
  }
  if (is('SQLITE_CONSTRAINT')) {
    return new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `${shownFile} refuses the rows: ${messageOf(error)}.`,
      hint: 'Change the constraint or index of the table, or the rows: deduplicate, filter.',
      cause,
    });
  }
  if (is('SQLITE_IOERR')) {
    return new FlexetlError('TRANSIENT', { message: `${shownFile}: ${messageOf(error)} (${code}).`, cause });
  }
  return error;
}

export function notDatabase(shownFile: string, found: string, cause?: unknown): FlexetlError {
  return new FlexetlError('TARGET_INVALID', {
    message: `${shownFile} is not a SQLite database: ${found}.`,
    hint: 'Choose another path in `database`, or move that file away.',
    cause,
  });
}
