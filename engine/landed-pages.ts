/** The content of landed pages: JSON lines, read by DuckDB or one by one, with the same texts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explainColumnName, nameKey } from '../pipeline/columns';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { shortenRaw } from '../pipeline/raw-text';
import { ident, literal, pathLiteral } from '../pipeline/sql';
import { stagingMissing } from '../runtime/staging/parts';
import type { PluginContext, SharedFiles } from '../plugin/context';
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
  /** Numbers, counted from 0, of the records that DuckDB cannot read. */
  broken: readonly number[];
}

/** DuckDB's own bound for one JSON object. */
const OBJECT_BYTES = 16 * 1024 * 1024;
/** Characters that DuckDB cannot read in a text: NUL, and half of a surrogate pair. */
const BAD_TEXT = /\0|\p{Surrogate}/u;

type Scalar = string | number | boolean | null;

/**
 * The records of a page as JSON lines. Scalars stay what they are; nested values become their JSON text.
 * @param where the page, for messages
 * @param columns the only keys allowed; undefined: any
 * @throws FlexetlError SOURCE_UNREADABLE, SCHEMA_MISMATCH
 */
export function toLines(
  records: readonly Record<string, unknown>[],
  where: string,
  columns: readonly string[] | undefined,
): { text: string; broken: number[] } {
  const known = columns && new Set(columns);
  const broken: number[] = [];
  const lines = records.map((record, index) => {
    const place = `${where}, record ${index + 1}`;
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw unreadable(`${place} is not an object.`, 'A source yields records as plain objects.');
    }
    // Without a prototype, so that `__proto__` is a key like any other.
    const flat = Object.create(null) as Record<string, Scalar>;
    for (const [key, value] of Object.entries(record)) {
      // JSON has no undefined: the key is as good as absent.
      if (value === undefined) continue;
      if (known && !known.has(key)) {
        throw new FlexetlError('SCHEMA_MISMATCH', {
          message: `${place} has the column "${key}", which the first page does not have.`,
          hint: 'Let the first page have all columns, with null where there is no value.',
        });
      }
      const scalar = toScalar(value, () => `${place}: "${key}"`);
      if (typeof scalar === 'string' && BAD_TEXT.test(scalar) && broken.at(-1) !== index) broken.push(index);
      if (scalar !== undefined) flat[key] = scalar;
    }
    return `${JSON.stringify(flat)}\n`;
  });
  return { text: lines.join(''), broken };
}

function toScalar(value: unknown, where: () => string): Scalar | undefined {
  const json = JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner);
    if (typeof inner !== 'number' || Number.isFinite(inner)) return inner;
    throw unreadable(
      `${where()} is ${inner}, which JSON does not have.`,
      'Yield null, or the number as a text.',
    );
  }) as string | undefined;
  if (json === undefined) return undefined;
  return json.startsWith('{') || json.startsWith('[') ? json : (JSON.parse(json) as Scalar);
}

/** The keys of a page in first-seen order. @throws FlexetlError SOURCE_UNREADABLE for a bad or repeated name */
export async function columnsOf(page: LandedPage, shared: SharedFiles): Promise<string[]> {
  const names = new Set((await readLines(page, shared)).flatMap((line) => Object.keys(parseLine(line))));
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
  columns: readonly string[],
  shared: SharedFiles,
): Promise<(string | null)[][]> {
  const lines = (await readLines(page, shared)).filter((_, index) => !page.broken.includes(index));
  return lines.slice(0, LIMITS.sampleRecordsMax).map((line) => textsOf(line, columns));
}

export async function landedRelation(
  pages: readonly LandedPage[],
  columns: readonly string[],
  shared: SharedFiles,
): Promise<TextRelation> {
  const reads = await Promise.all(pages.map((page) => pathOf(page, shared)));
  const trusted = Promise.resolve(pages.every(({ broken }) => broken.length === 0));
  return { sql: readSql(reads, pages, columns), reads, trusted };
}

/** Pages without broken records are read as they are. */
export async function repairLanded(
  pages: readonly LandedPage[],
  columns: readonly string[],
  { shared, scratchDir }: PluginContext,
): Promise<RepairedRelation> {
  const reads: string[] = [];
  const broken: number[] = [];
  let first = 0;
  for (const page of pages) {
    for (const index of page.broken) broken.push(first + index);
    first += page.records;
    if (page.broken.length === 0) {
      reads.push(await pathOf(page, shared));
      continue;
    }
    const path = join(scratchDir, `page-${page.page}.ndjson`);
    const good = (await readLines(page, shared)).filter((_, index) => !page.broken.includes(index));
    await writeFile(path, good.map((line) => `${line}\n`).join(''));
    reads.push(path);
  }
  return { sql: readSql(reads, pages, columns), reads, broken };
}

export async function* readLandedRecords(
  type: string,
  pages: readonly LandedPage[],
  columns: readonly string[],
  { shared, signal }: PluginContext,
  ordinals?: readonly number[],
): AsyncGenerator<SourceRecord> {
  let ordinal = -1;
  let asked = 0;
  for (const page of pages) {
    signal.throwIfAborted();
    const isBroken = new Set(page.broken);
    let byteOffset = 0;
    for (const [index, line] of (await readLines(page, shared)).entries()) {
      const start = byteOffset;
      byteOffset += Buffer.byteLength(line) + 1;
      ordinal++;
      if (ordinals && ordinals[asked] !== ordinal) continue;
      asked++;
      yield {
        ordinal,
        file: `${type} page ${page.page + 1}`,
        line: index + 1,
        record: index + 1,
        byteOffset: start,
        values: isBroken.has(index) ? null : textsOf(line, columns),
        ...(isBroken.has(index) && { reason: 'NUL character or incomplete character' }),
        raw: shortenRaw(line),
      };
    }
  }
}

/**
 * Texts of the values of JSON lines. DuckDB changes fractional numbers that it reads as JSON (`0.10` becomes `0.1`), so
 * every number outside strings is quoted first; U+0001, which JSON does not allow in a string, marks the places.
 */
function readSql(paths: readonly string[], pages: readonly LandedPage[], columns: readonly string[]): string {
  const pointers = columns.map((name) => literal(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`));
  const values = columns.map((name, index) => `nullif(texts[${index + 1}], '') AS ${ident(name)}`).join(', ');
  if (paths.length === 0) {
    return `(SELECT ${columns.map((name) => `NULL::VARCHAR AS ${ident(name)}`).join(', ')} WHERE false)`;
  }
  const objectBytes = Math.max(OBJECT_BYTES, ...pages.map(({ bytes }) => bytes));
  const marked = String.raw`regexp_replace(json::VARCHAR, '("(?:[^"\\]|\\.)*")|(-?[0-9][-+.eE0-9]*)', '\1' || chr(1) || '\2' || chr(1), 'g')`;
  const quoted = `replace(replace(${marked}, chr(1) || chr(1), ''), chr(1), '"')`;
  const files = `read_ndjson_objects([${paths.map(pathLiteral).join(', ')}], hive_partitioning = false, maximum_object_size = ${objectBytes})`;
  return `(SELECT ${values} FROM (SELECT json_extract_string(${quoted}, [${pointers.join(', ')}]) AS texts FROM ${files}))`;
}

function textsOf(line: string, columns: readonly string[]): (string | null)[] {
  const record = parseLine(line);
  return columns.map((name) => {
    const value = Object.hasOwn(record, name) ? (record[name] ?? null) : null;
    return value === null || value === '' ? null : String(value);
  });
}

function parseLine(line: string): Record<string, Scalar> {
  return JSON.parse(line) as Record<string, Scalar>;
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
