/** Parts as delimited text: DuckDB makes each row a line, so that the dialect is ours. */
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident, literal } from '../../pipeline/sql';
import { withDuckdb, withProgress, type Duckdb } from '../../runtime/duckdb';
import { selectColumns } from '../files/columns';
import type { FileEncoder, FilePart } from '../files/encoder';
import { headerLine, lineSql, type CsvOptions } from './line';

export const SINGLE_FILE = /\.(csv|tsv|txt)(\.gz)?$/i;

/** Whether files are gzipped: as asked, or by the name of the one file. */
export function isCompressed({
  path,
  compression,
}: {
  path: string;
  compression?: string | undefined;
}): boolean {
  return compression === 'gzip' || (SINGLE_FILE.test(path) && /\.gz$/i.test(path));
}

export const csvEncoder: FileEncoder<CsvOptions> = {
  extension: (options) => (isCompressed(options) ? '.csv.gz' : '.csv'),
  lane: 'file',
  singleFile: SINGLE_FILE,
  format: ({ path, compression, delimiter, quote, header, null_text, line_ending, bom }) => ({
    type: 'csv',
    encoding: 'utf-8',
    ...{ delimiter, quote, header, null_text, line_ending, bom },
    compression: isCompressed({ path, compression }) ? 'gzip' : 'none',
  }),
  async encode(part, path, options, { signal, progress }) {
    const isZipped = isCompressed(options) && !part.isPiece;
    const plain = isZipped ? `${path}.plain` : path;
    const session = { dir: dirname(path), reads: [part.path], memoryMb: LIMITS.partMemoryMb, signal };
    const rows = await withDuckdb(session, (db) =>
      withProgress(db, progress, () => writeLines(db, part, plain, options)),
    );
    if (isZipped) {
      await joinFiles('', [plain], path, true);
      await rm(plain);
    }
    return rows;
  },
  combine: (pieces, path, columns, options) =>
    joinFiles(headerLine(columns, options), pieces, path, isCompressed(options)),
};

/** @returns the rows written */
async function writeLines(db: Duckdb, part: FilePart, path: string, options: CsvOptions): Promise<number> {
  const rows = `(${selectColumns(part)})`;
  const [only, ...others] = part.columns;
  if (only && others.length === 0 && options.null_text === '') {
    const { nulls } = await db.one(`SELECT count(*) AS nulls FROM ${rows} WHERE ${ident(only.name)} IS NULL`);
    if (Number(nulls) > 0) throw emptyLine(only.name);
  }
  const header = part.isPiece ? '' : headerLine(part.columns, options).replace(/\n$/, '');
  const format = `FORMAT csv, HEADER ${header !== ''}, QUOTE '', ESCAPE '', DELIMITER '|', PRESERVE_ORDER true`;
  // The line is the only column: its name is the header.
  const line = `${lineSql(part.columns, options)} AS ${ident(header === '' ? 'line' : header)}`;
  const counted = await db.all(`COPY (SELECT ${line} FROM ${rows}) TO ${literal(path)} (${format})`);
  return Number(counted[0]?.['Count']);
}

function emptyLine(column: string): FlexetlError {
  return new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `Column "${column}" has a null, and no other column is there: the record would be an empty line, which most readers skip.`,
    hint: 'Set null_text, for example to NULL, or keep another column.',
  });
}

const PIECE_BYTES = 1024 * 1024;

/** A text and files, one after the other, as one file. */
async function joinFiles(
  head: string,
  pieces: readonly string[],
  path: string,
  isZipped: boolean,
): Promise<void> {
  const read = async function* (): AsyncGenerator<Buffer> {
    if (head !== '') yield Buffer.from(head);
    for (const piece of pieces)
      for await (const bytes of createReadStream(piece, { highWaterMark: PIECE_BYTES }))
        yield bytes as Buffer;
  };
  await pipeline(read, isZipped ? createGzip() : new PassThrough(), createWriteStream(path, { flags: 'wx' }));
}
