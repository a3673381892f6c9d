/** The COPY statement of all Parquet files. */
import { ident, literal } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import { dictionaryMax } from '../../runtime/duckdb';
import type { FileOptions } from '../files/options';

export interface ParquetOptions extends FileOptions {
  partition_by?: string[] | undefined;
  compression: 'zstd' | 'snappy' | 'gzip' | 'none';
  max_rows_per_file?: number | undefined;
}

/** Readers see that timestamps are in UTC, and not in a zone of their own. */
export function utc(select: string, columns: Schema): string {
  const times = columns
    .filter(({ type }) => type.kind === 'timestamp')
    .map(({ name }) => `make_timestamptz(epoch_us(${ident(name)})) AS ${ident(name)}`);
  return times.length === 0 ? select : `SELECT * REPLACE (${times.join(', ')}) FROM (${select})`;
}

/** @param others further options of COPY */
export function copySql(
  select: string,
  path: string,
  compression: ParquetOptions['compression'],
  columns: Schema,
  others: readonly string[] = [],
): string {
  const options = [
    'FORMAT parquet',
    `COMPRESSION ${compression === 'none' ? 'uncompressed' : compression}`,
    `DICTIONARY_SIZE_LIMIT ${dictionaryMax(columns)}`,
    ...(others.length > 0 ? others : ['PRESERVE_ORDER true']),
  ];
  return `COPY (${select}) TO ${literal(path)} (${options.join(', ')})`;
}
