/** Rows in folders by their values, as Hive names them: `country=DE/month=2026-01/`. */
import { dirname, join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident } from '../../pipeline/sql';
import { findColumn, type Schema } from '../../pipeline/types';
import type { Duckdb, Row } from '../../runtime/duckdb';
import { selectColumns } from '../files/columns';
import type { EncodedFile, FilePart } from '../files/encoder';
import { copySql, utc, type ParquetOptions } from './copy';

/** @throws FlexetlError TARGET_INCOMPATIBLE */
export function assertPartitions(columns: Schema, partitionBy: readonly string[], place: string): void {
  const problems = partitionBy.flatMap((name) => {
    if (!findColumn(columns, name)) return [`there is no column "${name}"`];
    // DuckDB takes the names of folders as they are, other readers decode them.
    return /[/\\=%?*[\]\p{Cc}]/u.test(name) || /^[_.]/.test(name)
      ? [`column "${name}" cannot be the name of a folder that all readers understand`]
      : [];
  });
  if (partitionBy.length >= columns.length) problems.push('no column is left for the files');
  if (problems.length === 0) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place} cannot be divided by ${partitionBy.join(', ')}: ${problems.join('; ')}. The columns are ${columns.map(({ name }) => name).join(', ')}.`,
    hint: 'Correct partition_by, or give the column another name with a rename.',
  });
}

const NUMBER = '_flexetl_partition';
const CHUNK = '_flexetl_chunk';
const ROW = '_flexetl_row';

/**
 * Writes one file for each partition of a part, and more where a partition has more rows than a file may have. DuckDB
 * divides by numbers, not by values: it never makes a name of a value.
 * @param path in an empty folder
 */
export async function writePartitions(
  db: Duckdb,
  part: FilePart,
  path: string,
  options: ParquetOptions,
): Promise<EncodedFile[]> {
  const keys = options.partition_by ?? [];
  const partitions = await numberPartitions(db, part, keys);
  const columns = part.columns.filter(({ name }) => !keys.includes(name));
  const same = keys.map((name, index) => `r.${ident(name)} IS NOT DISTINCT FROM k.k${index}`);
  const most = options.max_rows_per_file;
  const chunk =
    most === undefined ? '0' : `(row_number() OVER (PARTITION BY k.n ORDER BY r.${ROW}) - 1) // ${most}`;
  const terms = [
    ...columns.map(({ name }) => `r.${ident(name)}`),
    `k.n AS ${NUMBER}`,
    `${chunk} AS ${CHUNK}`,
  ];
  const select = `SELECT ${[...terms, `r.${ROW}`].join(', ')} FROM (${selectColumns(part, ROW)}) r JOIN partitions k ON ${same.join(' AND ')}`;
  // In order, so that each file is written at once and closed.
  const ordered = `SELECT * EXCLUDE (${ROW}) FROM (${select}) ORDER BY ${NUMBER}, ${CHUNK}, ${ROW}`;
  const written = await db.all(
    copySql(utc(ordered, columns), join(dirname(path), 'partitions'), options.compression, columns, [
      `PARTITION_BY (${NUMBER}, ${CHUNK})`,
      `FILE_EXTENSION 'part'`,
      'RETURN_STATS true',
    ]),
  );
  return written
    .map((row) => describeFile(row, keys, partitions))
    .sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

/** Every combination of values gets a number; in `partitions` on the side of DuckDB. @returns their values as texts */
async function numberPartitions(
  db: Duckdb,
  part: FilePart,
  keys: readonly string[],
): Promise<(string | null)[][]> {
  const names = keys.map((_, index) => `k${index}`);
  const values = keys.map((name, index) => `${ident(name)} AS k${index}`);
  const distinct = `SELECT DISTINCT ${values.join(', ')} FROM (${selectColumns(part)}) LIMIT ${LIMITS.filePartitionsMax + 1}`;
  await db.run(
    `CREATE TABLE partitions AS SELECT row_number() OVER (ORDER BY ${names.join(', ')}) - 1 AS n, * FROM (${distinct})`,
  );
  // Encoded, as the binding takes a byte order mark away from the start of a text.
  const texts = names.map((name) => `url_encode(CAST(${name} AS VARCHAR)) AS ${name}`);
  const rows = await db.all(`SELECT ${texts.join(', ')} FROM partitions ORDER BY n`);
  if (rows.length > LIMITS.filePartitionsMax) {
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `partition_by ${keys.join(', ')} gives more than ${LIMITS.filePartitionsMax} folders in one part of the rows. Nothing was published.`,
      hint: 'Choose a column with fewer values, for example a month instead of a time.',
    });
  }
  const decode = (text: string | null): string | null => (text === null ? null : decodeURIComponent(text));
  return rows.map((row) => names.map((name) => decode(row[name] as string | null)));
}

function describeFile(
  { filename, count }: Row,
  keys: readonly string[],
  partitions: readonly (readonly (string | null)[])[],
): EncodedFile {
  const path = String(filename);
  const number = Number(new RegExp(`${NUMBER}=(\\d+)`).exec(path)?.[1]);
  const values = partitions[number] ?? [];
  return {
    path,
    rows: Number(count),
    folder: keys.map((name, index) => folderName(name, values[index] ?? null)).join('/'),
    partition: Object.fromEntries(keys.map((name, index) => [name, values[index] ?? null])),
  };
}

const NULL_FOLDER = '__HIVE_DEFAULT_PARTITION__';

/**
 * The folder of a value, in ASCII: no value can leave its folder, and no file system changes it.
 * @throws FlexetlError TARGET_INCOMPATIBLE for the one text that readers take as null
 */
export function folderName(column: string, value: string | null): string {
  if (value === NULL_FOLDER) {
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `Column "${column}" has the text ${NULL_FOLDER}, which readers of such folders take as null. Nothing was published.`,
      hint: 'Change the text with a derive, or leave the rows out with a filter.',
    });
  }
  const name = `${column}=${value === null ? NULL_FOLDER : encodeValue(value)}`;
  if (Buffer.byteLength(name) <= LIMITS.fileNameBytesMax) return name;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `Column "${column}" of partition_by has a value that is too long for the name of a folder: with all other characters than letters and digits encoded it has ${Buffer.byteLength(name)} bytes, a name has at most ${LIMITS.fileNameBytesMax}.`,
    hint: 'Choose a column with shorter values.',
  });
}

function encodeValue(value: string): string {
  const encoded = encodeURIComponent(value).replace(/[!'()*~]/g, (char) => encodeChar(char));
  // DuckDB reads this word as null, whatever its case, unless it is encoded.
  return /^null$/i.test(value) ? `${encodeChar(value[0] ?? '')}${value.slice(1)}` : encoded;
}

function encodeChar(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
