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
import type { Memory } from './cursor-state';
import type { PageLines } from './page-lines';
import type { Position, RepairedRelation, SourceRecord, TextRelation } from '../plugin/source';

/** The receipt of a page. */
export interface LandedPage {
  /** Counted from 0. */
  page: number;
  /** Where the next page starts; absent after the last one. */
  next?: Position;
  /** Name of the file of JSON lines among the shared files. */
  file: string;
  records: number;
  bytes: number;
  /** Of an incremental source: what is known after this page. */
  memory?: Memory;
  /** The records that DuckDB cannot read: their numbers, counted from 0, and why. */
  broken: PageLines['broken'];
  /** Columns of texts that look like numbers or booleans. */
  textColumns: readonly string[];
}

/** What the values of a page are. */
export interface PageValues {
  columns: readonly string[];
  /** Texts that mean null, as null itself does. */
  nullValues: readonly string[];
}

/** DuckDB's own bound for one JSON object. */
const OBJECT_BYTES = 16 * 1024 * 1024;
/** The keys of a page in first-seen order. @throws FlexetlError SOURCE_UNREADABLE for a bad or repeated name */
export async function columnsOf(page: LandedPage, shared: SharedFiles): Promise<string[]> {
  const names = new Set(
    (await goodLines(page, shared)).flatMap((line) => jsonMembers(line, 0).map(({ key }) => key)),
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
  page: LandedPage,
  values: PageValues,
  shared: SharedFiles,
): Promise<(string | null)[][]> {
  const lines = await goodLines(page, shared);
  return lines.slice(0, LIMITS.sampleRecordsMax).map((line) => textsOf(line, values));
}

export async function landedRelation(
  pages: readonly LandedPage[],
  values: PageValues,
  shared: SharedFiles,
): Promise<TextRelation> {
  const reads = await Promise.all(pages.map((page) => pathOf(page, shared)));
  const trusted = Promise.resolve(pages.every(({ broken }) => broken.length === 0));
  const textColumns = [...new Set(pages.flatMap((page) => page.textColumns))];
  return { sql: readSql(reads, pages, values), reads, trusted, textColumns };
}

/** Pages without broken records are read as they are. */
export async function repairLanded(
  pages: readonly LandedPage[],
  values: PageValues,
  { shared, scratchDir }: PluginContext,
): Promise<RepairedRelation> {
  const reads: string[] = [];
  const broken: number[] = [];
  let first = 0;
  for (const page of pages) {
    for (const [index] of page.broken) broken.push(first + index);
    first += page.records;
    if (page.broken.length === 0) {
      reads.push(await pathOf(page, shared));
      continue;
    }
    const path = join(scratchDir, `page-${page.page}.ndjson`);
    const good = await goodLines(page, shared);
    await writeFile(path, good.map((line) => `${line}\n`).join(''));
    reads.push(path);
  }
  return { sql: readSql(reads, pages, values), reads, broken };
}

export async function* readLandedRecords(
  type: string,
  pages: readonly LandedPage[],
  values: PageValues,
  { shared, signal }: PluginContext,
  ordinals?: readonly number[],
): AsyncGenerator<SourceRecord> {
  let ordinal = -1;
  let asked = 0;
  for (const page of pages) {
    signal.throwIfAborted();
    const reasons = new Map(page.broken);
    let byteOffset = 0;
    for (const [index, line] of (await readLines(page, shared)).entries()) {
      const start = byteOffset;
      byteOffset += Buffer.byteLength(line) + 1;
      ordinal++;
      if (ordinals && ordinals[asked] !== ordinal) continue;
      asked++;
      const reason = reasons.get(index);
      yield {
        ordinal,
        file: `${type} page ${page.page + 1}`,
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

/**
 * Texts of the values of JSON lines. DuckDB changes fractional numbers that it reads as JSON (`0.10` becomes `0.1`), so
 * every number outside strings is quoted first; U+0001, which JSON does not allow in a string, marks the places.
 */
function readSql(
  paths: readonly string[],
  pages: readonly LandedPage[],
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
  const objectBytes = Math.max(OBJECT_BYTES, ...pages.map(({ bytes }) => bytes));
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

async function goodLines(page: LandedPage, shared: SharedFiles): Promise<string[]> {
  const broken = new Set(page.broken.map(([index]) => index));
  return (await readLines(page, shared)).filter((_, index) => !broken.has(index));
}

async function readLines(page: LandedPage, shared: SharedFiles): Promise<string[]> {
  const text = await readFile(await pathOf(page, shared), 'utf8');
  return text.split('\n').slice(0, -1);
}

async function pathOf({ file }: LandedPage, shared: SharedFiles): Promise<string> {
  const path = await shared.find(file);
  if (path !== undefined) return path;
  throw stagingMissing(`The landed page ${file} is missing.`);
}

function unreadable(message: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message, hint });
}
