/** The content of landed pages: JSON lines, read by DuckDB or one by one, with the same texts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explainColumnName, nameKey } from '../pipeline/columns';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { jsonMembers, jsonText } from '../pipeline/json-text';
import { shortenRaw } from '../pipeline/raw-text';
import { ident, literal, pathLiteral } from '../pipeline/sql';
import { stagingMissing } from '../runtime/staging/parts';
import type { PluginContext, SharedFiles } from '../plugin/context';
import type { LandedFile, LandedPage } from './page-files';
import type { RepairedRelation, SourceRecord, TextRelation } from '../plugin/source';

/** What the values of a page are. */
export interface PageValues {
  columns: readonly string[];
  /** Texts that mean null, as null itself does. */
  nullValues: readonly string[];
}

/** DuckDB's own bound for one JSON object. */
const OBJECT_BYTES = 16 * 1024 * 1024;
/** The keys of pages in first-seen order. @throws FlexetlError SOURCE_UNREADABLE for a bad or repeated name */
export async function columnsOf(file: LandedFile, shared: SharedFiles): Promise<string[]> {
  const names = new Set(
    (await goodLines(file, shared)).flatMap((line) => jsonMembers(line, 0).map(({ key }) => key)),
  );
  const seen = new Map<string, number>();
  for (const name of names) {
    const problem = explainColumnName(name, seen);
    if (problem)
      throw unreadable(`Column ${seen.size + 1} of the first page ${problem}.`, 'Rename it in the source.');
    seen.set(nameKey(name), seen.size + 1);
  }
  return [...names];
}

export async function sampleOf(
  file: LandedFile,
  values: PageValues,
  shared: SharedFiles,
): Promise<(string | null)[][]> {
  const lines = await goodLines(file, shared);
  return lines.slice(0, LIMITS.sampleRecordsMax).map((line) => textsOf(line, values));
}

export async function landedRelation(
  files: readonly LandedFile[],
  values: PageValues,
  shared: SharedFiles,
): Promise<TextRelation> {
  const reads = await Promise.all(files.map((file) => pathOf(file, shared)));
  const trusted = Promise.resolve(!files.some(hasBroken));
  const textColumns = [...new Set(files.flatMap((file) => file.textColumns))];
  return { sql: readSql(reads, files, values), reads, trusted, textColumns };
}

/** Files without broken records are read as they are. */
export async function repairLanded(
  files: readonly LandedFile[],
  values: PageValues,
  { shared, scratchDir }: PluginContext,
): Promise<RepairedRelation> {
  const reads: string[] = [];
  const broken: number[] = [];
  let first = 0;
  for (const file of files) {
    broken.push(...brokenOf(file).map((index) => first + index));
    first += file.pages.reduce((sum, { records }) => sum + records, 0);
    if (!hasBroken(file)) {
      reads.push(await pathOf(file, shared));
      continue;
    }
    const path = join(scratchDir, `page-${file.page}.ndjson`);
    const good = await goodLines(file, shared);
    await writeFile(path, good.map((line) => `${line}\n`).join(''));
    reads.push(path);
  }
  return { sql: readSql(reads, files, values), reads, broken };
}

export async function* readLandedRecords(
  type: string,
  files: readonly LandedFile[],
  values: PageValues,
  { shared, signal }: PluginContext,
  ordinals?: readonly number[],
): AsyncGenerator<SourceRecord> {
  let ordinal = -1;
  let asked = 0;
  for await (const [number, page, lines] of linesOfPages(files, shared)) {
    signal.throwIfAborted();
    const reasons = new Map(page.broken);
    let byteOffset = 0;
    for (const [index, line] of lines.entries()) {
      const start = byteOffset;
      byteOffset += Buffer.byteLength(line) + 1;
      ordinal++;
      if (ordinals && ordinals[asked] !== ordinal) continue;
      asked++;
      const reason = reasons.get(index);
      yield {
        ordinal,
        file: `${type} page ${number + 1}`,
        line: index + 1,
        record: index + 1,
        byteOffset: start,
        values: reason === undefined ? textsOf(line, values) : null,
        ...(reason !== undefined && { reason }),
        raw: shortenRaw(line),
      };
    }
  }
}

async function* linesOfPages(
  files: readonly LandedFile[],
  shared: SharedFiles,
): AsyncGenerator<[number: number, page: LandedPage, lines: string[]]> {
  for (const file of files) {
    const lines = await readLines(file, shared);
    let first = 0;
    for (const [index, page] of file.pages.entries()) {
      yield [file.page + index, page, lines.slice(first, first + page.records)];
      first += page.records;
    }
  }
}

/**
 * Texts of the values of JSON lines. DuckDB changes fractional numbers that it reads as JSON (`0.10` becomes `0.1`), so
 * every number outside strings is quoted first; U+0001, which JSON does not allow in a string, marks the places.
 */
function readSql(
  paths: readonly string[],
  landed: readonly LandedFile[],
  { columns, nullValues }: PageValues,
): string {
  const pointers = columns.map((name) => literal(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`));
  const valueOf = (text: string): string =>
    nullValues.reduce((value, nullValue) => `nullif(${value}, ${literal(nullValue)})`, text);
  const values = columns
    .map((name, index) => `${valueOf(`texts[${index + 1}]`)} AS ${ident(name)}`)
    .join(', ');
  if (paths.length === 0) {
    return `(SELECT ${columns.map((name) => `NULL::VARCHAR AS ${ident(name)}`).join(', ')} WHERE false)`;
  }
  const pageBytes = landed.flatMap(({ pages }) => pages.map(({ bytes }) => bytes));
  const objectBytes = pageBytes.reduce((max, bytes) => Math.max(max, bytes), OBJECT_BYTES);
  const marked = String.raw`regexp_replace(json::VARCHAR, '("(?:[^"\\]|\\.)*")|(-?[0-9][-+.eE0-9]*)', '\1' || chr(1) || '\2' || chr(1), 'g')`;
  const quoted = `replace(replace(${marked}, chr(1) || chr(1), ''), chr(1), '"')`;
  const files = `read_ndjson_objects([${paths.map(pathLiteral).join(', ')}], hive_partitioning = false, maximum_object_size = ${objectBytes})`;
  return `(SELECT ${values} FROM (SELECT json_extract_string(${quoted}, [${pointers.join(', ')}]) AS texts FROM ${files}))`;
}

function textsOf(line: string, { columns, nullValues }: PageValues): (string | null)[] {
  const texts = new Map(jsonMembers(line, 0).map((member) => [member.key, jsonText(line, member)]));
  return columns.map((name) => {
    const text = texts.get(name) ?? null;
    return text === null || nullValues.includes(text) ? null : text;
  });
}

function hasBroken({ pages }: LandedFile): boolean {
  return pages.some(({ broken }) => broken.length > 0);
}

/** The broken records of a file: their numbers, counted from 0. */
function brokenOf({ pages }: LandedFile): number[] {
  let first = 0;
  return pages.flatMap(({ records, broken }) => {
    const numbers = broken.map(([index]) => first + index);
    first += records;
    return numbers;
  });
}

async function goodLines(file: LandedFile, shared: SharedFiles): Promise<string[]> {
  const broken = new Set(brokenOf(file));
  return (await readLines(file, shared)).filter((_, index) => !broken.has(index));
}

async function readLines(file: LandedFile, shared: SharedFiles): Promise<string[]> {
  const text = await readFile(await pathOf(file, shared), 'utf8');
  return text.split('\n').slice(0, -1);
}

async function pathOf({ file }: LandedFile, shared: SharedFiles): Promise<string> {
  const path = await shared.find(file);
  if (path !== undefined) return path;
  throw stagingMissing(`The landed page ${file} is missing.`);
}

function unreadable(message: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message, hint });
}
