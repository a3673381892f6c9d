/** Parts as Parquet files, written by DuckDB from the staged ones. */
import { constants } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ident, literal, readParquet, sqlType } from '../../pipeline/sql';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import { withDuckdb, withProgress, type Duckdb } from '../../runtime/duckdb';
import { selectColumns } from '../files/columns';
import type { EncodedFile, FileEncoder, FilePart } from '../files/encoder';
import { copySql, utc, type ParquetOptions } from './copy';
import { assertPartitions, writePartitions } from './partitions';

export const SINGLE_FILE = /\.parquet$/i;

export const parquetEncoder: FileEncoder<ParquetOptions> = {
  extension: '.parquet',
  lane: 'file',
  singleFile: SINGLE_FILE,
  assertColumns: (columns, { partition_by }, place) => assertPartitions(columns, partition_by ?? [], place),
  format: ({ partition_by }) => ({ type: 'parquet', ...(partition_by && { partition_by }) }),
  isFolderTree: ({ partition_by }) => partition_by !== undefined,
  async encode(part, path, options, context) {
    const isPartitioned = options.partition_by !== undefined;
    return withSession(dirname(path), [part.path], context, isPartitioned ? 1 : undefined, (db) =>
      isPartitioned ? writePartitions(db, part, path, options) : writeRows(db, part, path, options),
    );
  },
  async combine(pieces, path, columns, options, context) {
    const [only, ...others] = pieces;
    if (only !== undefined && others.length === 0) return linkOrCopy(only, path);
    const empty = columns.map(({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${ident(name)}`);
    const select =
      pieces.length > 0
        ? `SELECT * FROM ${readParquet(pieces)}`
        : `SELECT * FROM (${utc(`SELECT ${empty.join(', ')}`, columns)}) WHERE false`;
    await withSession(dirname(path), pieces, context, undefined, (db) =>
      db.run(copySql(select, path, options.compression, columns)),
    );
  },
};

/** The piece stays: whoever publishes again needs it. */
async function linkOrCopy(piece: string, path: string): Promise<void> {
  await link(piece, path).catch(() => copyFile(piece, path, constants.COPYFILE_EXCL));
}

function withSession<T>(
  dir: string,
  reads: readonly string[],
  { signal, progress }: PluginContext,
  threads: number | undefined,
  work: (db: Duckdb) => Promise<T>,
): Promise<T> {
  const session = { dir, reads, memoryMb: LIMITS.partMemoryMb, signal, ...(threads && { threads }) };
  return withDuckdb(session, (db) => withProgress(db, progress, () => work(db)));
}

async function writeRows(
  db: Duckdb,
  part: FilePart,
  path: string,
  { compression, max_rows_per_file = Infinity }: ParquetOptions,
): Promise<EncodedFile[]> {
  const made: EncodedFile[] = [];
  for (let done = 0; done < part.rows; done += max_rows_per_file) {
    const rows = Math.min(max_rows_per_file, part.rows - done);
    const select = utc(selectColumns({ ...part, firstRow: part.firstRow + done, rows }), part.columns);
    const file = made.length === 0 ? path : `${path}-${made.length}`;
    await db.run(copySql(select, file, compression, part.columns));
    made.push({ path: file, rows: await countRows(db, file) });
  }
  return made;
}

async function countRows(db: Duckdb, file: string): Promise<number> {
  const { rows } = await db.one(`SELECT num_rows AS rows FROM parquet_file_metadata(${literal(file)})`);
  return Number(rows);
}
