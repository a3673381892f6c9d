/**
 * A partition as a DuckDB relation: as it is for the fast lane, or repaired.
 *
 * DuckDB 1.5 accepts some text that is not a valid record here, so a partition with it is not trusted: NUL; bytes that are
 * not UTF-8 in columns that the query does not use; `"a" "b"` as one field; a quote that is open at the end of the file
 * after an escape. Null strings make it drop surplus fields (any text that starts like one), so only the empty one is
 * used. It is not asked to read comments and delimiters of several bytes: such files go to the careful lane. With `new_line='\r\n'` it loses records, so DuckDB must detect the line break of such files by their first line.
 */
import { join } from 'node:path';
import { literal, pathLiteral } from '../../pipeline/sql';
import type { PluginContext } from '../../plugin/context';
import type { Partition, RepairedRelation, SourceSurvey, TextRelation } from '../../plugin/source';
import type { Dialect } from './boundaries';
import { runJob } from './jobs';
import type { CsvOptions } from './options';
import { joinFiles, repairFiles } from './joined';
import { makeSlice, releasePartition, repairJob, sliceJob } from './partitions';
import { isLong, repairedDialect } from './repair';
import { columnsOf, openPlain } from './survey';
import { valuesSql } from './values';

/** DuckDB's own 32 MB take 7 % longer, and more memory; it must hold the longest line. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** DuckDB's own limit for a line. */
const LINE_BYTES = 2_000_000;
/** A path that DuckDB does not find: see `pathLiteral`. */
const UNFINDABLE = /\\.*[*?[]|[*?[].*\\/s;

export async function csvRelation(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<TextRelation> {
  const columns = columnsOf(survey, partition.file);
  if (partition.lastFile !== undefined) {
    const { path, dialect, trusted } = await joinFiles(options, context, survey, partition);
    const sql = readSql(options, survey, columns, path, dialect, 1);
    return { sql, reads: [path], trusted: Promise.resolve(trusted) };
  }
  const file = await openPlain(options, context, survey, partition.file);
  const { start, end } = partition;
  if (start === file.start && end === file.bytes && file.skip !== null && !UNFINDABLE.test(file.path)) {
    const trusted = isLong(file.dialect.delimiter)
      ? Promise.resolve(false)
      : runJob(sliceJob(file, start, end), context.signal).then((found) => found.trusted);
    // The caller that awaits it sees the error; without this, a query that fails first would leave it unhandled.
    trusted.catch(() => undefined);
    const sql = readSql(options, survey, columns, file.path, file.dialect, file.skip);
    return { sql, reads: [file.path], trusted };
  }
  let slice = await makeSlice(context, file, start, end);
  if (slice.end !== end) {
    // It is from an attempt that cut the file in another way.
    await releasePartition(context, survey, partition);
    slice = await makeSlice(context, file, start, end);
  }
  // A slice starts with an empty line: it shows the line break, and DuckDB then does not drop a BOM in the data.
  const sql = readSql(options, survey, columns, slice.path, file.dialect, 1);
  const trusted = slice.trusted && !isLong(file.dialect.delimiter);
  return { sql, reads: [slice.path], trusted: Promise.resolve(trusted) };
}

export async function repairPartition(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<RepairedRelation> {
  const columns = columnsOf(survey, partition.file);
  if (partition.lastFile !== undefined) {
    const { path, dialect, broken, lineBytes } = await repairFiles(options, context, survey, partition);
    return { sql: readSql(options, survey, columns, path, dialect, 1, lineBytes), reads: [path], broken };
  }
  const file = await openPlain(options, context, survey, partition.file);
  const copy = join(context.scratchDir, `repaired-${partition.index}.csv`);
  const { broken, lineBytes } = await runJob(repairJob(options, file, partition, copy), context.signal);
  const sql = readSql(options, survey, columns, copy, repairedDialect(file.dialect), 1, lineBytes);
  return { sql, reads: [copy], broken };
}

function readSql(
  options: CsvOptions,
  { columns }: SourceSurvey,
  there: readonly string[],
  path: string,
  dialect: Dialect,
  skip: number,
  lineBytes = 0,
): string {
  const types = there.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
  const settings = [
    `columns = {${types}}`,
    'auto_detect = false',
    'header = false',
    `skip = ${skip}`,
    `delim = ${literal(dialect.delimiter)}`,
    `quote = ${literal(dialect.quote)}`,
    `escape = ${literal(dialect.quote === '' ? '' : dialect.escape)}`,
    `nullstr = ['']`,
    'strict_mode = true',
    'null_padding = false',
    'ignore_errors = false',
    `compression = 'none'`,
    `buffer_size = ${Math.max(BUFFER_BYTES, 2 * lineBytes)}`,
    ...(lineBytes > LINE_BYTES ? [`max_line_size = ${lineBytes}`] : []),
    'hive_partitioning = false',
    ...(dialect.newline === '\r\n'
      ? []
      : [`new_line = ${literal(dialect.newline === '\r' ? '\\r' : '\\n')}`]),
  ];
  const table = `read_csv(${pathLiteral(path)}, ${settings.join(', ')})`;
  const values = valuesSql(columns, there, options);
  return values === undefined ? table : `(SELECT ${values} FROM ${table})`;
}
