/** Looks at a source once: files, dialect, columns, a sample; and finds its plain text again later. */
import { join, resolve } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { Chunk, SourceFile, SourceSurvey, Tools } from '../../pipeline/plugin';
import type { CsvOptions } from '../csv';
import type { Dialect } from './boundaries';
import { planBoundaries } from './chunking';
import { assertSameColumns, detectLayout, type Head, type Layout } from './detect';
import { describeFile, openSource, resolveFiles, showPath } from './files';
import { needsPlainCopy, writePlainCopy } from './plain';
import { createValueReader } from './values';

/** What later steps need to know of one file. */
export interface FileDetails {
  dialect: Dialect;
  /** Offset and physical line of the first record, and bytes in all, of the plain text. */
  start: number;
  line: number;
  bytes: number;
  /** Lines that DuckDB can skip to read the file in place, or null. */
  skip: number | null;
  /** Read from a plain copy in the run's folder. */
  copied: boolean;
}

export interface Detected {
  files: FileDetails[];
}

/** @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE */
export async function surveyCsv(options: CsvOptions, tools: Tools): Promise<SourceSurvey> {
  const paths = await resolveFiles(options.path, tools.projectDir);
  const files: SourceFile[] = [];
  const details: FileDetails[] = [];
  const sample: (string | null)[][] = [];
  let first: { path: string; columns: readonly string[] } | undefined;
  let delimiter = options.delimiter;
  let wantedBytes: number = LIMITS.sampleBytes;
  let sampleBytes = 0;
  for (const [index, absolute] of paths.entries()) {
    tools.signal.throwIfAborted();
    const file = await describeFile(absolute, showPath(absolute, tools.projectDir));
    const copied = await needsPlainCopy(absolute, file.path, options.encoding);
    const plain = copied ? plainPath(index, tools) : absolute;
    if (copied) await writePlainCopy(absolute, file.path, options.encoding, plain, tools);
    const { head, bytes } = await readHead(plain, file.path);
    const layout = detectLayout(head, options, delimiter);
    if (first) assertSameColumns(file.path, layout.columns, first);
    first ??= { path: file.path, columns: layout.columns };
    delimiter ??= layout.dialect.delimiter;
    files.push(file);
    details.push(detailsOf(layout, bytes, copied));
    if (wantedBytes > 0) {
      addSample(sample, layout, options);
      sampleBytes += layout.sampleBytes;
    }
    wantedBytes -= bytes;
  }
  const detected: Detected = { files: details };
  const recordBytes = sample.length === 0 ? 0 : sampleBytes / sample.length;
  return { files, columns: first?.columns ?? [], sample, recordBytes, detected };
}

function detailsOf(layout: Layout, bytes: number, copied: boolean): FileDetails {
  const { dialect, start, line, skip } = layout;
  return { dialect, start, line, bytes, skip, copied };
}

function addSample(sample: (string | null)[][], layout: Layout, options: CsvOptions): void {
  const read = createValueReader(options, layout.columns.length);
  for (const fields of layout.sample) {
    if (sample.length >= LIMITS.sampleRecordsMax) return;
    // An empty line is a record only where it is a whole column.
    if (fields.length === 1 && fields[0] === '' && layout.columns.length > 1) continue;
    const result = read(fields);
    if ('values' in result) sample.push(result.values);
  }
}

async function readHead(plain: string, shown: string): Promise<{ head: Head; bytes: number }> {
  const handle = await openSource(plain, shown);
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.min(size, LIMITS.sampleBytes)),
      position: 0,
    });
    const bytes = buffer.subarray(0, bytesRead);
    return { head: { path: shown, bytes, final: bytesRead === size }, bytes: size };
  } finally {
    await handle.close();
  }
}

/** Derived from the run and the index, so that it is the same on every worker. */
function plainPath(file: number, tools: Tools): string {
  return join(tools.runDir, 'source', `file-${file}.csv`);
}

export interface PlainFile extends FileDetails {
  /** Absolute path of the plain text. */
  path: string;
  /** As shown to users. */
  shown: string;
}

/** A file of the survey as plain text; makes the copy again where it is gone. */
export async function openPlain(
  options: CsvOptions,
  survey: SourceSurvey,
  file: number,
  tools: Tools,
): Promise<PlainFile> {
  const source = survey.files[file];
  const details = (survey.detected as Detected).files[file];
  if (!source || !details) {
    throw new FlexetlError('INTERNAL', { message: `The survey of the source has no file ${file}.` });
  }
  const absolute = resolve(tools.projectDir, source.path);
  const path = details.copied ? plainPath(file, tools) : absolute;
  if (details.copied) await writePlainCopy(absolute, source.path, options.encoding, path, tools);
  return { ...details, path, shown: source.path };
}

/** Cuts every file into chunks of whole records, a small file into one without reading it. */
export async function planCsvChunks(
  options: CsvOptions,
  survey: SourceSurvey,
  chunkBytes: number,
  tools: Tools,
): Promise<Chunk[]> {
  const { files } = survey.detected as Detected;
  const wanted = Math.max(chunkBytes, leastChunkBytes(files));
  const chunks: Chunk[] = [];
  let doneBytes = 0;
  for (const [index, details] of files.entries()) {
    const ends = await planFile(options, survey, index, wanted, tools, doneBytes);
    let start = details.start;
    for (const end of ends) {
      chunks.push({ index: chunks.length, file: index, start, end });
      start = end;
    }
    doneBytes += details.bytes;
  }
  return chunks;
}

/** Chunks at least this large stay within LIMITS.chunksMax. */
function leastChunkBytes(files: readonly FileDetails[]): number {
  const room = LIMITS.chunksMax - files.length;
  if (room < 0) {
    throw new FlexetlError('SOURCE_UNREADABLE', {
      message: `The source has ${files.length} files, the limit is ${LIMITS.chunksMax}.`,
      hint: 'Join small files, or run the pipeline on one folder at a time.',
    });
  }
  const total = files.reduce((sum, file) => sum + file.bytes - file.start, 0);
  return Math.ceil(total / Math.max(1, room));
}

async function planFile(
  options: CsvOptions,
  survey: SourceSurvey,
  index: number,
  chunkBytes: number,
  tools: Tools,
  doneBytes: number,
): Promise<number[]> {
  const file = await openPlain(options, survey, index, tools);
  if (file.start === file.bytes) return [];
  if (file.bytes - file.start <= chunkBytes) return [file.bytes];
  const handle = await openSource(file.path, file.shown);
  try {
    const range = { handle, start: file.start, end: file.bytes, size: file.bytes };
    return await planBoundaries(range, file.dialect, chunkBytes, (offset) => {
      tools.signal.throwIfAborted();
      tools.progress(doneBytes + offset);
    });
  } finally {
    await handle.close();
  }
}
