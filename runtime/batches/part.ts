/** A part of a load: rows of a staged Parquet file, offered as the file and as batches of values. */
import duckdb from '@duckdb/node-bindings';
import { LIMITS } from '../../pipeline/limits';
import { readParquet } from '../../pipeline/sql';
import { unstageTerms } from '../../pipeline/stage-sql';
import type { Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { Batch, Part } from '../../plugin/target';
import { openDuckdb, type Duckdb } from '../duckdb';
import { readVector } from './vectors';

/** A part without its methods: it can be sent to another thread. */
export type PartSlice = Omit<Part, 'batches'>;

/** A part whose rows are read each time that `batches` is called. */
export function createPart(slice: PartSlice, context: Pick<PluginContext, 'scratchDir' | 'signal'>): Part {
  return { ...slice, batches: () => readPart(slice, context) };
}

/**
 * The rows of a part as a SELECT, with the columns of its schema in order.
 * @param others further terms; `file_row_number` counts the rows of the file
 */
export function selectPart(
  { schema, path, firstRow, rows }: PartSlice,
  others: readonly string[] = [],
): string {
  return (
    `SELECT ${[...unstageTerms(schema), ...others].join(', ')} FROM ${readParquet(path, 'file_row_number = true')} ` +
    `WHERE file_row_number >= ${firstRow} AND file_row_number < ${firstRow + rows}`
  );
}

/** @throws FlexetlError CANCELLED, INTERNAL */
async function* readPart(
  slice: PartSlice,
  { scratchDir, signal }: Pick<PluginContext, 'scratchDir' | 'signal'>,
): AsyncIterable<Batch> {
  const session = { dir: scratchDir, reads: [slice.path], memoryMb: LIMITS.partMemoryMb, threads: 1, signal };
  const { db, close } = await openDuckdb(session);
  try {
    yield* readBatches(db, selectPart(slice), slice.schema);
  } finally {
    await close();
  }
}

/**
 * Runs a query and yields its rows in batches, in order: one for each chunk of DuckDB.
 *
 * A chunk is decoded between two fetches, so the event loop is blocked for some milliseconds at most.
 * @param sql a SELECT whose columns are those of the schema, in order and with the types of `sqlType`
 * @throws FlexetlError INTERNAL when a column has another type than the schema says
 */
export async function* readBatches(
  db: Pick<Duckdb, 'stream'>,
  sql: string,
  schema: Schema,
): AsyncIterable<Batch> {
  for await (const { chunk, rowCount: rows } of db.stream(sql)) {
    const columns = schema.map((column, index) =>
      readVector(duckdb.data_chunk_get_vector(chunk, index), rows, column),
    );
    yield { rows, columns };
  }
}
