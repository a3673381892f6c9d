/**
 * The fast lane: a chunk as a DuckDB relation.
 *
 * One pass over the bytes, which copies a slice to scratch, looks for what DuckDB accepts although it is no record of
 * ours; such a chunk is not sound, so that the careful lane decides.
 * What DuckDB 1.5 accepts: NUL; bytes that are not UTF-8 in columns that the query does not use; `"a" "b"` as one
 * field; a quote left open at the end of the file after an escape. Its null strings swallow surplus fields
 * (any text that begins like one), so only the empty one is used. With `new_line='\r\n'` it loses records, so the
 * line break of such files is left for it to find, by the first line of the file.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chunk, SourceSurvey, TextRelation, Tools } from '../../pipeline/plugin';
import { literal } from '../../pipeline/sql';
import type { CsvOptions } from '../csv';
import {
  createCut,
  cutRecord,
  cutRecords,
  marksOf,
  type Dialect,
  type Marks,
  type RecordCut,
} from './boundaries';
import { openSource } from './files';
import { createInspector, type Suspicion } from './inspect';
import { openPlain, type PlainFile } from './survey';
import { valuesSql } from './values';
import { openWindow } from './window';

/** DuckDB's own 32 MB take 7 % longer, and more memory; it must hold the 2 MB of the longest record that DuckDB takes. */
const BUFFER_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 4 * 1024 * 1024;
/** Cutting is slower than copying: smaller pieces keep the event loop free. */
const CUT_BYTES = 1024 * 1024;
/** DuckDB takes these in a path for a pattern. */
const PATTERN_CHARS = /[*?[\]{}\\]/;

export async function csvRelation(
  options: CsvOptions,
  survey: SourceSurvey,
  chunk: Chunk,
  tools: Tools,
): Promise<TextRelation> {
  const file = await openPlain(options, survey, chunk.file, tools);
  const whole = chunk.start === file.start && chunk.end === file.bytes;
  const inPlace = whole && file.skip !== null && !PATTERN_CHARS.test(file.path);
  const slice = inPlace ? null : join(tools.scratchDir, `chunk-${chunk.index}.csv`);
  const sound = isSound(file, chunk, slice, tools);
  // A copy must be there before it is read; a file read in place is looked through meanwhile.
  if (slice !== null) await sound;
  const path = slice ?? file.path;
  // A slice begins with an empty line: it shows the line break, and keeps a BOM in the data from being dropped.
  const table = readCsvSql(path, survey.columns, file.dialect, slice === null ? (file.skip ?? 0) : 1);
  const values = valuesSql(survey.columns, options);
  return { sql: values === undefined ? table : `(SELECT ${values} FROM ${table})`, reads: [path], sound };
}

async function isSound(file: PlainFile, chunk: Chunk, slice: string | null, tools: Tools): Promise<boolean> {
  const suspicion = await passChunk(file, chunk, slice, tools);
  return suspicion === null || !(await hasFlaws(file, chunk, suspicion));
}

function readCsvSql(path: string, columns: readonly string[], dialect: Dialect, skip: number): string {
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
    `buffer_size = ${BUFFER_BYTES}`,
    'hive_partitioning = false',
    ...(dialect.newline === '\r\n'
      ? []
      : [`new_line = ${literal(dialect.newline === '\r' ? '\\r' : '\\n')}`]),
  ];
  return `read_csv(${literal(path)}, ${settings.join(', ')})`;
}

/** Reads the chunk's bytes once, copying them to `slice` when given. */
async function passChunk(
  file: PlainFile,
  chunk: Chunk,
  slice: string | null,
  tools: Tools,
): Promise<Suspicion> {
  const handle = await openSource(file.path, file.shown);
  const target = slice === null ? null : await open(slice, 'w', 0o600);
  const inspect = createInspector(file.dialect);
  let suspicion: Suspicion = null;
  try {
    await target?.write(file.dialect.newline);
    const window = openWindow(handle, chunk.start, chunk.end, PIECE_BYTES);
    let copied: Promise<unknown> = Promise.resolve();
    while (await window.more(window.bytes.length)) {
      tools.signal.throwIfAborted();
      tools.progress(window.base - chunk.start);
      await copied;
      // The next piece is read while this one is written.
      copied = target ? target.writeFile(window.bytes) : copied;
      copied.catch(() => undefined);
      const found = inspect(window.bytes, window.final);
      if (suspicion !== 'certain') suspicion = found ?? suspicion;
    }
    await copied;
    return suspicion;
  } finally {
    await handle.close();
    await target?.close();
  }
}

async function hasFlaws(file: PlainFile, chunk: Chunk, suspicion: 'certain' | 'maybe'): Promise<boolean> {
  if (suspicion === 'certain') return true;
  const handle = await openSource(file.path, file.shown);
  try {
    const range = { handle, start: chunk.start, end: chunk.end, size: file.bytes };
    const marks = marksOf(file.dialect);
    for await (const { bytes, cuts } of cutRecords(range, marks, CUT_BYTES)) {
      if (cuts.some((cut) => cut.flaw !== null || hasBareReturn(bytes, cut, marks))) return true;
    }
    return false;
  } finally {
    await handle.close();
  }
}

/** A record that is shorter when carriage returns end lines has one outside its quotes. */
function hasBareReturn(bytes: Buffer, cut: RecordCut, marks: Marks): boolean {
  const end = bytes[cut.end - 1] === marks.newline ? cut.end - 1 : cut.end;
  const record = bytes.subarray(cut.start, end);
  if (!record.includes(13)) return false;
  if (record.at(-1) === 13) return true;
  return (
    cutRecord(record, 0, true, { ...marks, newline: 13, carriageReturn: -1 }, createCut()) < record.length
  );
}
