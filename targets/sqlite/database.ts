/** A session with a SQLite file: opening it, waiting for its lock, and what its errors mean. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { makeFolders } from '../../runtime/folders';
import type { SessionUse, SqlSession } from '../sql/dialect';
import { openSqlite, type Sqlite } from './binding';
import { fitValues } from './fit-values';
import { refillTable, replaceTable } from './replace';
import { describeColumns, rowidName } from './tables';
import { decimalText, type SqliteValue } from './values';
import { writePart } from './write';

/** SQLite itself waits this long; longer waits are a loop that sees a cancellation. */
const NATIVE_BUSY_MS = 100;

export interface SqliteFile {
  /** Absolute path. */
  file: string;
  /** The path as users wrote it, for messages. */
  shownFile: string;
  mode: 'replace' | 'append' | 'merge';
}

/**
 * Opens the file, creating it and its folders. A new database is a WAL database: readers and one writer do not disturb
 * each other. One that exists keeps its journal mode, on which its readers may count. A check changes nothing.
 * @returns undefined where a check or a discard finds no file, or an empty one
 * @throws errors of SQLite, see {@link explainError}
 */
export async function openSession(
  { file, shownFile, mode }: SqliteFile,
  use: SessionUse,
  signal: AbortSignal,
): Promise<SqlSession | undefined> {
  // In an empty file a transaction without changes writes a page.
  if (!statSync(file, { throwIfNoEntry: false })?.size) {
    if (use === 'check' || use === 'discard') return undefined;
    makeFolders(dirname(file));
  }
  const busyMs = use === 'check' ? 0 : LIMITS.sqliteBusyMs;
  const whenFree: WhenFree = (attempt) => retryBusy(attempt, busyMs, signal);
  const db = openSqlite(file, { timeout: NATIVE_BUSY_MS, fileMustExist: use === 'check' });
  try {
    if (use !== 'check') await prepare(db, mode, whenFree);
  } catch (error) {
    db.close();
    throw error;
  }
  const placeOf = (table: string): string => `${shownFile}, table ${table}`;
  return {
    run: (sql) => Promise.resolve(db.prepare(sql).run().changes),
    // Without WAL a reader waits for writers too.
    all: (sql) => whenFree(() => db.prepare(sql).all() as Record<string, unknown>[]),
    async transaction(work) {
      // Without WAL a writer needs the file for itself as soon as its changes outgrow the cache: not in the middle.
      await whenFree(() => db.exec(use === 'check' ? 'BEGIN IMMEDIATE' : 'BEGIN EXCLUSIVE'));
      try {
        const result = await work();
        if (signal.aborted) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    columns: (table) => whenFree(() => describeColumns(db, table)),
    write: (table, part, batches) => writePart(db, table, part, batches),
    order: (schema) => `s.${rowidName(schema, shownFile)}`,
    convert: (table, stage, schema) => Promise.resolve(fitValues(db, placeOf(table), table, stage, schema)),
    replace: (table, stage) => replaceTable({ db, place: placeOf(table), table }, stage),
    refill: (table, insert) => refillTable({ db, place: placeOf(table), table }, insert),
    close: () => Promise.resolve(void db.close()),
  };
}

async function prepare(db: Sqlite, mode: SqliteFile['mode'], whenFree: WhenFree): Promise<void> {
  await whenFree(() => {
    if (db.pragma('page_count', { simple: true }) === 0) db.pragma('journal_mode = WAL');
  });
  // A power failure after COMMIT loses nothing.
  db.pragma('synchronous = FULL');
  // New rows obey the foreign keys of the table. Replacing a table drops it, which would delete rows of other tables.
  db.pragma(`foreign_keys = ${mode === 'replace' ? 'OFF' : 'ON'}`);
  // Renaming the staging table then does not change views and triggers that use the target's name.
  db.pragma('legacy_alter_table = ON');
  db.function('flexetl_decimal_text', { deterministic: true, safeIntegers: true }, (value, scale) =>
    decimalText(value as SqliteValue, Number(scale)),
  );
}

/** Tries until another program has released its lock. */
type WhenFree = <T>(attempt: () => T) => Promise<T>;

async function retryBusy<T>(attempt: () => T, busyMs: number, signal: AbortSignal): Promise<T> {
  const deadline = performance.now() + busyMs;
  for (;;) {
    if (signal.aborted) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
    try {
      return attempt();
    } catch (error) {
      if (!codeOf(error).startsWith('SQLITE_BUSY') || performance.now() > deadline) throw error;
    }
    // A cancellation can arrive here.
    await delay(10);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** The FlexetlError that an error of SQLite or of the file system means; others are returned unchanged. */
export function explainError(error: unknown, shownFile: string, table: string): unknown {
  if (error instanceof FlexetlError) return error;
  const cause = error;
  const code = codeOf(error);
  const is = (...prefixes: string[]): boolean => prefixes.some((prefix) => code.startsWith(prefix));
  if (is('SQLITE_BUSY', 'SQLITE_LOCKED')) {
    return new FlexetlError('TARGET_BUSY', {
      message: `${shownFile} is locked by another program.`,
      hint: 'Close the program that writes to it (for example a database browser with an open transaction); the run tries again by itself.',
      cause,
    });
  }
  if (is('SQLITE_FULL', 'ENOSPC')) {
    return new FlexetlError('DISK_FULL', {
      message: `The disk of ${shownFile} is full.`,
      hint: 'Free some space; the run then continues by itself.',
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
  // What a trigger, a check or a foreign key of the table needs, and the database lacks.
  const isBroken = code === 'SQLITE_ERROR' && /^(foreign key mismatch|no such )/.test(messageOf(error));
  if (is('SQLITE_CONSTRAINT') || isBroken) {
    return new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `${shownFile}, table ${table} refuses the rows: ${messageOf(error)}.`,
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
