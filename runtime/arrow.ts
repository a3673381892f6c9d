/** DuckDB chunks as Arrow record batches: the form in which rows reach a target. */
import duckdb from '@duckdb/node-bindings';
import type * as Arrow from 'apache-arrow';
import { LIMITS } from '../pipeline/limits';
import type { ColumnType, Schema } from '../pipeline/types';
import { createColumnBuffer, type ColumnBuffer } from './arrow-columns';
import type { Duckdb } from './duckdb';

/**
 * Runs a query and yields its rows in batches of about `LIMITS.batchRowsMax`, in order.
 *
 * The work is done chunk by chunk between two fetches, so the event loop is never held for more than
 * milliseconds. A batch owns its memory; nothing points into DuckDB.
 * @param sql a SELECT whose columns are those of the schema, in order and with the types of `sqlType`
 * @throws FlexetlError INTERNAL when a column has another type than the schema says
 */
export async function* arrowBatches(
  db: Pick<Duckdb, 'stream'>,
  sql: string,
  schema: Schema,
): AsyncIterable<Arrow.RecordBatch> {
  let buffers: ColumnBuffer[] | undefined;
  let rows = 0;
  for await (const { chunk, rowCount } of db.stream(sql)) {
    buffers ??= schema.map((column) => createColumnBuffer(column));
    buffers.forEach((buffer, index) => buffer.append(duckdb.data_chunk_get_vector(chunk, index), rowCount));
    rows += rowCount;
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.textBytes(), 0);
    if (rows < LIMITS.batchRowsMax && bytes < LIMITS.batchBytesMax) continue;
    yield createBatch(schema, buffers, rows);
    buffers = undefined;
    rows = 0;
  }
  if (buffers) yield createBatch(schema, buffers, rows);
}

/** The Arrow type of a column type. */
export function arrowType(type: ColumnType): Arrow.DataType {
  const arrow = loadArrow();
  switch (type.kind) {
    case 'string':
      return new arrow.Utf8();
    case 'integer':
      return new arrow.Int64();
    case 'float':
      return new arrow.Float64();
    case 'boolean':
      return new arrow.Bool();
    case 'date':
      return new arrow.DateDay();
    case 'timestamp':
      return new arrow.TimestampMicrosecond();
    case 'decimal':
      return new arrow.Decimal(type.scale, type.precision, 128);
  }
}

export function arrowSchema(schema: Schema): Arrow.Schema {
  const arrow = loadArrow();
  return new arrow.Schema(schema.map(({ name, type }) => new arrow.Field(name, arrowType(type), true)));
}

/** Loaded with the first rows: 40 ms that a command without rows need not wait for. */
export function loadArrow(): typeof Arrow {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() is not synchronous
  return require('apache-arrow') as typeof Arrow;
}

function createBatch(schema: Schema, buffers: ColumnBuffer[], rows: number): Arrow.RecordBatch {
  const arrow = loadArrow();
  const batchSchema = arrowSchema(schema);
  const children = buffers.map((buffer, index) => {
    const { values, valueOffsets, nullBitmap } = buffer.take(rows);
    const parts = [valueOffsets, values, nullBitmap] as Partial<Arrow.Data['buffers']>;
    return new arrow.Data(
      batchSchema.fields[index]?.type as Arrow.DataType,
      0,
      rows,
      nullBitmap ? -1 : 0,
      parts,
    );
  });
  const type = new arrow.Struct(batchSchema.fields);
  return new arrow.RecordBatch(batchSchema, arrow.makeData({ type, length: rows, nullCount: 0, children }));
}
