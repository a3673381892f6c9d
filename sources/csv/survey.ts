/** Surveys a source once: files, dialect, columns, a sample. Later steps find its plain text here. */
import { resolve } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { suggest } from '../../pipeline/suggest';
import { mapTogether } from '../../runtime/map-together';
import type { PluginContext } from '../../plugin/context';
import type { Position, SourceFile, SourceSurvey } from '../../plugin/source';
import type { FileKind } from '../files/find';
import { surveyFiles } from '../files/incremental';
import { makePlainCopy } from '../files/plain-copy';
import { formattedColumns, textRules } from './form-options';
import { lookAt, type FileDetails, type Looked } from './look';
import type { CsvOptions } from './options';
import { proposeOptions } from './proposals';

export interface Detected {
  files: FileDetails[];
}

const CSV_FILES: FileKind = {
  name: 'CSV',
  pattern: /\.(csv|tsv)(\.(gz|zst|zip))?$/i,
  shown: '*.csv or *.tsv, or the same with .gz, .zst or .zip',
};

/** Files whose heads are part of the sample, if it is not full before. */
const SAMPLED_FILES = 200;

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
  const looked: Looked[] = [];
  let delimiter = options.delimiter;
  const [first = '', ...others] = paths;
  const compared = { path: '', columns: [] as readonly string[] };
  const look = async (absolute: string, index: number): Promise<Looked> => {
    context.signal.throwIfAborted();
    const found = await lookAt(absolute, options, context, delimiter, compared);
    return index < SAMPLED_FILES ? found : { ...found, sample: [] };
  };
  looked.push(await look(first, 0));
  const [{ file, details, columns: firstColumns }] = looked as [Looked];
  delimiter ??= details.dialect.delimiter;
  Object.assign(compared, { path: file.path, columns: firstColumns });
  looked.push(...(await mapTogether(others, (path, index) => look(path, index + 1))));
  const columns = [...new Set(looked.flatMap((one) => one.columns))];
  assertFormats(options, columns);
  const { sample, bytes } = joinSamples(looked, columns);
  const all = looked.map((one) => ({
    ...one.details,
    ...(!isSame(one.columns, columns) && { columns: one.columns }),
  }));
  const detected: Detected = { files: all };
  return {
    files: looked.map((one) => one.file),
    columns,
    sample,
    recordBytes: sample.length === 0 ? 0 : bytes / sample.length,
    detected,
    pins: pinsOf(options, delimiter),
    proposals: proposeOptions(columns, sample, textRules(options), options.null_values),
    warnings: sayWarnings(looked, all, columns),
  };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}

/** The columns of the source in each record, from the first files until they are enough. */
function joinSamples(
  looked: readonly Looked[],
  columns: readonly string[],
): { sample: (string | null)[][]; bytes: number } {
  const sample: (string | null)[][] = [];
  let bytes = 0;
  let wantedBytes: number = LIMITS.sampleBytes;
  for (const { columns: there, sample: own, sampleBytes, details } of looked) {
    if (wantedBytes <= 0) break;
    const places = isSame(there, columns) ? undefined : columns.map((name) => there.indexOf(name));
    for (const values of own.slice(0, LIMITS.sampleRecordsMax - sample.length))
      sample.push(places ? places.map((place) => values[place] ?? null) : values);
    bytes += sampleBytes;
    wantedBytes -= details.bytes;
  }
  return { sample, bytes };
}

/** @throws FlexetlError SCHEMA_MISMATCH for a format of a column that is not there */
function assertFormats(options: CsvOptions, columns: readonly string[]): void {
  const name = formattedColumns(options).find((one) => !columns.includes(one));
  if (name === undefined) return;
  const near = suggest(name, columns);
  throw new FlexetlError('SCHEMA_MISMATCH', {
    message: `The source has a format for the column "${name}", which it does not have.`,
    hint: near ? `Did you mean "${near}"?` : 'Remove it from date_format and timestamp_format.',
  });
}

function pinsOf(
  { encoding, quote, header }: CsvOptions,
  delimiter: string | undefined,
): NonNullable<SourceSurvey['pins']> {
  return { encoding, ...(delimiter !== undefined && { delimiter }), quote, header };
}

/** One warning for each thing, however many files it is about. */
function sayWarnings(
  looked: readonly Looked[],
  details: readonly FileDetails[],
  columns: readonly string[],
): string[] {
  const paths = new Map<string, string[]>();
  const say = (what: string, path: string): void => {
    const known = paths.get(what);
    if (known) known.push(path);
    else paths.set(what, [path]);
  };
  for (const { file, warnings, columns: there } of looked) {
    for (const what of warnings) say(what, file.path);
    if (isSame(there, columns)) continue;
    const missing = columns.filter((name) => !there.includes(name));
    const shown =
      missing.slice(0, 5).join(', ') + (missing.length > 5 ? ` and ${missing.length - 5} more` : '');
    if (missing.length > 0)
      say(`lacks columns that other files have, which are null there: ${shown}`, file.path);
  }
  const warnings = [...paths].map(([what, [path = '', ...others]]) => {
    const more = others.length === 0 ? '' : ` (and ${others.length} more files)`;
    return `${path}${more} ${what}.`;
  });
  const empty = details.every(({ start, bytes }) => start >= bytes);
  return empty ? [...warnings, 'The source has no records.'] : warnings;
}

export interface PlainFile extends FileDetails {
  /** The columns of the file, in its order; those of the survey, if it has the same. */
  columns: readonly string[];
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
  const columns = columnsOf(survey, file);
  return { ...details, columns, path, shown: source.path, source, absolute };
}

export function detailsIn(survey: SourceSurvey): readonly FileDetails[] {
  return (survey.detected as Detected).files;
}

/** The columns of a file; the survey's list itself if they are the same in the same order. */
export function columnsOf(survey: SourceSurvey, file: number): readonly string[] {
  return detailsIn(survey)[file]?.columns ?? survey.columns;
}
