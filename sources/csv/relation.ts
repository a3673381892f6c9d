/**
 * A partition as a DuckDB relation: as it is for the fast lane, or repaired.
 *
 * DuckDB 1.5 accepts some text that is not a valid record here, so a partition with it is not trusted: NUL; bytes that are
 * not UTF-8 in columns that the query does not use; `"a" "b"` as one field; a quote that is open at the end of the file
 * after an escape. Null strings make it drop surplus fields (any text that starts like one), so only the empty one is
 * used. With `new_line='\r\n'` it loses records, so DuckDB must detect the line break of such files by their first line.
 */
import { join } from 'node:path';
import { literal, pathLiteral } from '../../pipeline/sql';
import type { PluginContext } from '../../plugin/context';
import type { Partition, RepairedRelation, SourceSurvey, TextRelation } from '../../plugin/source';
import type { Dialect } from './boundaries';
import { runJob } from './jobs';
import type { CsvOptions } from './options';
import { joinFiles, repairFiles } from './joined';
import { makeSlice, releasePartition, sliceJob } from './partitions';
import { repairedDialect } from './repair';
import { openPlain } from './survey';
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
  if (partition.lastFile !== undefined) {
    const { path, dialect, trusted } = await joinFiles(options, context, survey, partition);
    const sql = readSql(options, survey, path, dialect, 1);
    return { sql, reads: [path], trusted: Promise.resolve(trusted) };
  }
  const file = await openPlain(options, context, survey, partition.file);
  const { start, end } = partition;
  if (start === file.start && end === file.bytes && file.skip !== null && !UNFINDABLE.test(file.path)) {
    const trusted = runJob(sliceJob(file, survey.columns.length, start, end), context.signal).then(
      (found) => found.trusted,
    );
    // The caller that awaits it sees the error; without this, a query that fails first would leave it unhandled.
    trusted.catch(() => undefined);
    return { sql: readSql(options, survey, file.path, file.dialect, file.skip), reads: [file.path], trusted };
  }
  const columnCount = survey.columns.length;
  let slice = await makeSlice(context, file, columnCount, start, end);
  if (slice.end !== end) {
    // It is from an attempt that cut the file in another way.
    await releasePartition(context, survey, partition);
    slice = await makeSlice(context, file, columnCount, start, end);
  }
  // A slice starts with an empty line: it shows the line break, and DuckDB then does not drop a BOM in the data.
  const sql = readSql(options, survey, slice.path, file.dialect, 1);
  return { sql, reads: [slice.path], trusted: Promise.resolve(slice.trusted) };
}

export async function repairPartition(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<RepairedRelation> {
  if (partition.lastFile !== undefined) {
    const { path, dialect, broken, lineBytes } = await repairFiles(options, context, survey, partition);
    return { sql: readSql(options, survey, path, dialect, 1, lineBytes), reads: [path], broken };
  }
  const file = await openPlain(options, context, survey, partition.file);
  const { path, shown, dialect, surplus, bytes: size } = file;
  const { start, end, index } = partition;
  const columnCount = survey.columns.length;
  const copy = join(context.scratchDir, `repaired-${index}.csv`);
  const { broken, lineBytes } = await runJob(
    { task: 'repair', path, shown, dialect, columnCount, surplus, size, start, end, copy },
    context.signal,
  );
  return {
    sql: readSql(options, survey, copy, repairedDialect(dialect), 1, lineBytes),
    reads: [copy],
    broken,
  };
}

function readSql(
  options: CsvOptions,
  { columns }: SourceSurvey,
  path: string,
  dialect: Dialect,
  skip: number,
  lineBytes = 0,
): string {
  const types = columns.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
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
  const values = valuesSql(columns, options);
  return values === undefined ? table : `(SELECT ${values} FROM ${table})`;
}
