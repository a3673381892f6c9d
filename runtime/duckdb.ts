/** One locked-down DuckDB session: where all rows are read, checked, joined and written. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk, type JS } from '@duckdb/node-api';
import { FlexetlError, messageOf, type ErrorCode } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { Schema } from '../pipeline/types';
import { escapePattern, literal, RECORD_TAG } from '../pipeline/sql';
import { stagingFull } from './staging/parts';

export interface DuckdbOptions {
  /** The one folder that queries may read, write and spill to. */
  dir: string;
  /** Files outside the folder that may be read: a source read in place. */
  reads?: readonly string[];
  /** DuckDB's own limit; RSS is larger. */
  memoryMb: number;
  /** Default: all cores. */
  threads?: number;
  /** Spill to `dir` when memory is short. Default true. */
  spill?: boolean;
  /** Interrupts the running query. */
  signal?: AbortSignal;
}

export type Row = Record<string, JS>;

export interface Duckdb {
  run(sql: string): Promise<void>;
  /** Writes the rows of a query to a Parquet file, in their order. @param columns where there can be many, or floats */
  copy(select: string, file: string, columns?: Schema): Promise<void>;
  /**
   * Rows as objects of JavaScript values: BIGINT is a bigint, DECIMAL a number: cast to text where every digit counts.
   */
  all(sql: string): Promise<Row[]>;
  /** The first row. */
  one(sql: string): Promise<Row>;
  /** Rows in chunks of about 2,048, never all at once. */
  stream(sql: string): AsyncIterable<DuckDBDataChunk>;
  /** 0 to 1 for the running query; negative where DuckDB does not know. */
  progress(): number;
  connection: DuckDBConnection;
}

/** The limit when the pipeline file has none: a share of the memory of the container, or else of the machine. */
export function defaultMemoryMb(): number {
  // 0, and numbers above the memory of any machine, mean that there is no container.
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  const share = Math.floor((bytes * LIMITS.duckdbMemoryShare) / 1e6);
  return Math.min(LIMITS.duckdbMemoryMbMost, Math.max(LIMITS.duckdbMemoryMbLeast, share));
}

/**
 * Opens a session, runs `work`, and always closes the session.
 * @throws FlexetlError VALUE_OVERFLOW, DIVISION_BY_ZERO, DISK_FULL, CANCELLED; other errors of DuckDB pass through
 */
export async function withDuckdb<T>(options: DuckdbOptions, work: (db: Duckdb) => Promise<T>): Promise<T> {
  const { db, close } = await openDuckdb(options);
  try {
    return await work(db);
  } finally {
    await close();
  }
}

const PROGRESS_MS = 200;

/** Reports the progress of the queries in `work`, 0 to 1. */
export async function withProgress<T>(
  db: Duckdb,
  progress: (share: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => progress(Math.max(0, db.progress())), PROGRESS_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Opens a session, for work that is not one function. The caller must close it. */
export async function openDuckdb(options: DuckdbOptions): Promise<{ db: Duckdb; close(): Promise<void> }> {
  // Sessions that spill into one folder write into each other's files: wrong rows, or a crash of the process.
  const spillDir = join(options.dir, `spill-${randomUUID()}`);
  const instance = await createInstance();
  const connection = await instance.connect();
  // An interrupt between two queries, or before one has started, is lost: it is repeated.
  let repeat: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    repeat ??= setInterval(interrupt, LIMITS.interruptIntervalMs);
  };
  const close = async (): Promise<void> => {
    options.signal?.removeEventListener('abort', interrupt);
    clearInterval(repeat);
    connection.closeSync();
    instance.closeSync();
    await rm(spillDir, { recursive: true, force: true });
  };
  try {
    await lockDown(connection, options, options.spill === false ? '' : spillDir);
    options.signal?.addEventListener('abort', interrupt);
    return { db: createDuckdb(connection, options.signal), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createInstance(): Promise<DuckDBInstance> {
  return DuckDBInstance.create(':memory:', {
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: 'true',
  });
}

/** Order matters: after the last line nothing here can be changed by any query. */
async function lockDown(
  connection: DuckDBConnection,
  options: DuckdbOptions,
  spillDir: string,
): Promise<void> {
  // Functions that read files get patterns of paths.
  const withPatterns = (paths: readonly string[]): string =>
    [...new Set(paths.flatMap((path) => [path, escapePattern(path)]))].map(literal).join(', ');
  await connection.run(`SET threads = ${options.threads ?? availableParallelism()}`);
  await connection.run(`SET memory_limit = '${options.memoryMb}MB'`);
  await connection.run(`SET temp_directory = ${literal(spillDir)}`);
  await connection.run(`SET TimeZone = 'UTC'`);
  // Progress is counted, never printed.
  await connection.run('SET enable_progress_bar = true');
  await connection.run('SET enable_progress_bar_print = false');
  await connection.run('SET progress_bar_time = 0');
  await connection.run(`SET allowed_directories = [${withPatterns([`${options.dir}/`])}]`);
  if (options.reads?.length) await connection.run(`SET allowed_paths = [${withPatterns(options.reads)}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

function createDuckdb(connection: DuckDBConnection, signal: AbortSignal | undefined): Duckdb {
  const guarded = async <T>(query: () => Promise<T>): Promise<T> => {
    if (signal?.aborted) throw cancelled();
    try {
      return await query();
    } catch (error) {
      throw translateError(error, signal);
    }
  };
  const run = (sql: string): Promise<void> => guarded(async () => void (await connection.run(sql)));
  const all = (sql: string): Promise<Row[]> =>
    guarded(async () => (await connection.runAndReadAll(sql)).getRowObjectsJS());
  return {
    connection,
    all,
    copy: (select, file, columns = []) =>
      run(
        `COPY (${select}) TO ${literal(file)} (${PARQUET}, DICTIONARY_SIZE_LIMIT ${dictionaryMax(columns)})`,
      ),
    run,
    one: async (sql) => {
      const [row] = await all(sql);
      if (!row)
        throw new FlexetlError('INTERNAL', { message: 'A query that must return a row returned none.' });
      return row;
    },
    async *stream(sql) {
      const result = await guarded(() => connection.stream(sql));
      const fetch = (): Promise<DuckDBDataChunk | null> => {
        const chunk = guarded(() => result.fetchChunk());
        // Whoever awaits it sees the error, which may come while the chunk before it is worked on.
        chunk.catch(() => undefined);
        return chunk;
      };
      // One chunk ahead: DuckDB makes it in its own threads while the chunk before is used.
      let next = fetch();
      try {
        for (;;) {
          const chunk = await next;
          // An interrupted query looks like one that has ended.
          if (signal?.aborted) throw cancelled();
          if (!chunk || chunk.rowCount === 0) return;
          next = fetch();
          yield chunk;
        }
      } finally {
        // The session must not be closed under it.
        await next.catch(() => undefined);
      }
    },
    progress: () => connection.progress.percentage / 100,
  };
}

function cancelled(): FlexetlError {
  return new FlexetlError('CANCELLED', { message: 'Cancelled.' });
}

/**
 * Measured on 10 M rows: a bound on dictionaries and the second version of pages take 5 % off the write. The order is
 * asked for here, too: without it DuckDB 1.5.6 writes row groups in any order when a query has a hash join, and a list of
 * four values after IN is one.
 */
const PARQUET = 'FORMAT parquet, COMPRESSION lz4_raw, PARQUET_VERSION V2, PRESERVE_ORDER true';

/**
 * Values in the dictionary of a column. Memory for them is taken before the first value comes: with 5,000 each, 5,000
 * columns need more than 1.8 GB; with 100 each, less than 700 MB. None where there are floats: DuckDB 1.5.6 takes 0.0 and
 * -0.0 for one value of a dictionary. Writing then takes as long; a file with many repeated texts has 1.4 times the bytes
 * with zstd, and 2.7 times with lz4.
 */
export function dictionaryMax(columns: Schema): number {
  if (columns.some(({ type }) => type.kind === 'float')) return 1;
  return Math.max(1, Math.min(5_000, Math.floor(500_000 / Math.max(1, columns.length))));
}

const TAGGED = /FLEXETL:([A-Z_]+):([^\n]*)/;

const NATIVE_OVERFLOW =
  /Out of Range Error: (Overflow|.*out of range)|Conversion Error: .*(is out of range|could not cast value .* to DECIMAL)/i;

function translateError(error: unknown, signal: AbortSignal | undefined): unknown {
  const message = messageOf(error);
  if (signal?.aborted) return new FlexetlError('CANCELLED', { message: 'Cancelled.', cause: error });
  const tagged = TAGGED.exec(message);
  if (tagged) {
    const [text = '', record] = (tagged[2] ?? '').split(RECORD_TAG);
    return new FlexetlError(tagged[1] as ErrorCode, {
      message: text,
      record: record === undefined ? undefined : Number(record),
      cause: error,
    });
  }
  if (NATIVE_OVERFLOW.test(message)) {
    // Without the cause: DuckDB's own message holds the values.
    return new FlexetlError('VALUE_OVERFLOW', {
      message:
        'The result of a computation has more digits than its type: 64-bit integers, decimals of 38 digits.',
      hint: 'Round or cast the operands, or compute in a larger unit.',
    });
  }
  if (/No space left|disk full/i.test(message)) {
    return stagingFull(error);
  }
  return error;
}
