/** Surveys a source once: files, dialect, columns, a sample. Later steps find its plain text here. */
import { resolve } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { Position, SourceFile, SourceSurvey } from '../../plugin/source';
import { assertText } from '../files/assert-text';
import { openFile, showPath, type FileKind } from '../files/find';
import { describeFile, withContent } from '../files/fingerprint';
import { surveyFiles } from '../files/incremental';
import { makePlainCopy, needsPlainCopy } from '../files/plain-copy';
import type { Dialect } from './boundaries';
import { assertSameColumns, detectLayout, type Layout } from './detect';
import type { Head } from './head';
import type { CsvOptions } from './options';
import { createValueReader } from './values';

/** What later steps need to know about one file. */
export interface FileDetails {
  dialect: Dialect;
  /** Empty fields after the last column that a record may have. */
  surplus: number;
  /** Offset and physical line of the first record, and bytes in all, of the plain text. */
  start: number;
  line: number;
  bytes: number;
  /** Lines that DuckDB can skip to read the file in place, or null. */
  skip: number | null;
  /** Read from a plain copy among the shared files. */
  copied: boolean;
}

export interface Detected {
  files: FileDetails[];
}

const CSV_FILES: FileKind = {
  name: 'CSV',
  pattern: /\.(csv|tsv)(\.(gz|zst|zip))?$/i,
  shown: '*.csv or *.tsv, or the same with .gz, .zst or .zip',
};

/** @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE */
export function surveyCsv(
  options: CsvOptions,
  context: PluginContext,
  state?: Position,
): Promise<SourceSurvey> {
  return surveyFiles(options, context, CSV_FILES, state, (paths) => surveyPaths(options, context, paths));
}

async function surveyPaths(
  options: CsvOptions,
  context: PluginContext,
  paths: readonly string[],
): Promise<SourceSurvey> {
  const { projectDir, signal } = context;
  const files: SourceFile[] = [];
  const details: FileDetails[] = [];
  const sample: (string | null)[][] = [];
  let first: { path: string; columns: readonly string[] } | undefined;
  let delimiter = options.delimiter;
  let wantedBytes: number = LIMITS.sampleBytes;
  let sampleBytes = 0;
  const warnings = new Map<string, Said>();
  for (const absolute of paths) {
    signal.throwIfAborted();
    const file = await describeFile(absolute, showPath(absolute, projectDir));
    const copied = await needsPlainCopy(absolute, file.path, options.encoding);
    const plain = copied ? await makePlainCopy(absolute, file, options.encoding, context) : absolute;
    const { head, bytes } = await readHead(plain, file.path);
    if (!copied) assertText(head.bytes, file.path, options.encoding);
    const layout = detectLayout(head, options, delimiter);
    for (const what of layout.warnings) {
      const said = warnings.get(what);
      if (said) said.others += 1;
      else warnings.set(what, { path: file.path, others: 0 });
    }
    if (first) assertSameColumns(head, layout, first);
    first ??= { path: file.path, columns: layout.columns };
    delimiter ??= layout.dialect.delimiter;
    files.push(await withContent(absolute, file));
    details.push(detailsOf(layout, bytes, copied));
    if (wantedBytes > 0) {
      addSample(sample, layout, options);
      sampleBytes += layout.sampleBytes;
    }
    wantedBytes -= bytes;
  }
  const detected: Detected = { files: details };
  const recordBytes = sample.length === 0 ? 0 : sampleBytes / sample.length;
  const columns = first?.columns ?? [];
  const pins = pinsOf(options, delimiter);
  return { files, columns, sample, recordBytes, detected, pins, warnings: sayWarnings(warnings, details) };
}

function pinsOf(
  { encoding, quote, header }: CsvOptions,
  delimiter: string | undefined,
): NonNullable<SourceSurvey['pins']> {
  return { encoding, ...(delimiter !== undefined && { delimiter }), quote, header };
}

/** The first file that a warning is about, and how many others there are. */
interface Said {
  path: string;
  others: number;
}

/** One warning for each thing, however many files it is about. */
function sayWarnings(found: ReadonlyMap<string, Said>, details: readonly FileDetails[]): string[] {
  const warnings = [...found].map(([what, { path, others }]) => {
    const more = others === 0 ? '' : ` (and ${others} more files)`;
    return `${path}${more} ${what}.`;
  });
  const empty = details.every(({ start, bytes }) => start >= bytes);
  return empty ? [...warnings, 'The source has no records.'] : warnings;
}

function detailsOf(layout: Layout, bytes: number, copied: boolean): FileDetails {
  const { dialect, surplus, start, line, skip } = layout;
  return { dialect, surplus, start, line, bytes, skip, copied };
}

function addSample(sample: (string | null)[][], layout: Layout, options: CsvOptions): void {
  const read = createValueReader(options, layout.columns.length, layout.surplus);
  for (const fields of layout.sample) {
    if (sample.length >= LIMITS.sampleRecordsMax) return;
    // An empty line is a record only in a file of one column.
    if (Array.isArray(fields) && fields.length === 1 && fields[0] === '' && layout.columns.length > 1)
      continue;
    const result = read(fields);
    if ('values' in result) sample.push(result.values);
  }
}

async function readHead(plain: string, shown: string): Promise<{ head: Head; bytes: number }> {
  const handle = await openFile(plain, shown);
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

export interface PlainFile extends FileDetails {
  /** Absolute path of the plain text. */
  path: string;
  /** As shown to users. */
  shown: string;
  /** The file that the text is of, and its absolute path. */
  source: SourceFile;
  absolute: string;
}

/** A file of the survey as plain text; makes the copy again if it does not exist. */
export async function openPlain(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  file: number,
): Promise<PlainFile> {
  const source = survey.files[file];
  const details = detailsIn(survey)[file];
  if (!source || !details) {
    throw new FlexetlError('INTERNAL', { message: `The survey of the source has no file ${file}.` });
  }
  const absolute = resolve(context.projectDir, source.path);
  const path = details.copied ? await makePlainCopy(absolute, source, options.encoding, context) : absolute;
  return { ...details, path, shown: source.path, source, absolute };
}

export function detailsIn(survey: SourceSurvey): readonly FileDetails[] {
  return (survey.detected as Detected).files;
}
