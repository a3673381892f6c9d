/** From the body of a response to the texts of its records. */
import { parse as parseCsv, type CsvError } from 'csv-parse/sync';
import { messageOf } from '../../pipeline/errors';
import { jsonElements, jsonMembers, jsonValue } from '../../pipeline/json-text';
import { unreachable, unreadable, type Place } from './failures';
import { jsonPath, parseDocument, type JsonDocument, type JsonNode } from './json-document';
import type { ApiParent } from './options';

export interface Body {
  /** JSON texts, as written. */
  records: string[];
  /** Of format json. */
  document?: JsonDocument;
}

/**
 * Not every body says its length: that one was cut off may show only in its text.
 * @throws FlexetlError SOURCE_UNREADABLE; SOURCE_UNREACHABLE for a body that was cut off
 */
export function parseBody(text: string, options: ApiParent, place: Place): Body {
  if (/^\s*</.test(text))
    throw unreadable(
      place,
      `a web page or XML, expected ${options.format.toUpperCase()}`,
      'Check the url, and whether the service needs auth.',
    );
  switch (options.format) {
    case 'ndjson':
      return { records: ndjsonRecords(text, place) };
    case 'csv':
      return { records: csvRecords(text, place) };
    case 'json': {
      const document = parseJson(text, place);
      return { document, records: selectRecords(document, options, place) };
    }
  }
}

function parseJson(text: string, place: Place): JsonDocument {
  try {
    return parseDocument(text);
  } catch (error) {
    const [, position] = /position (\d+)/.exec(messageOf(error)) ?? [];
    if (text.trim() === '') throw unreadable(place, 'an empty body, expected JSON', 'Check the url.');
    if (isCutJson(text, error)) throw unreachable(place, 'JSON that ends too early');
    const where = position === undefined ? '' : `, at character ${Number(position) + 1}`;
    throw unreadable(place, `no JSON${where}`, 'Check url and format.');
  }
}

/** @param error of JSON.parse */
function isCutJson(text: string, error: unknown): boolean {
  const [, position] = /position (\d+)/.exec(messageOf(error)) ?? [];
  return /end of JSON|Unterminated/.test(messageOf(error)) || Number(position) >= text.length;
}

/** Broken lines are rejects, later; the last one is not there as a whole where it has no line end. */
function ndjsonRecords(text: string, place: Place): string[] {
  const lines = text.split('\n');
  const last = lines.at(-1) ?? '';
  try {
    if (last.trim() !== '') JSON.parse(last);
  } catch (error) {
    if (isCutJson(last, error)) throw unreachable(place, 'JSON lines that end too early');
  }
  return lines.filter((line) => line.trim() !== '');
}

function selectRecords(document: JsonDocument, options: ApiParent, place: Place): string[] {
  const { record_path: path, pagination } = options;
  const nodes = select(document, path, place);
  const [first] = nodes;
  const records = nodes.length === 1 && first && !isObject(first.value) ? listOf(document, first) : nodes;
  if (!records || (records.length === 0 && nodes.length === 0 && !isEmptyList(document, path, place)))
    throw unreadable(place, `record_path ${path} selects no list: ${shape(document.value)}`, PATH_HINT);
  if (path === '$' && isObject(document.value) && pagination.type !== 'none')
    throw unreadable(place, `an object, expected a list: ${shape(document.value)}`, PATH_HINT);
  const texts = records.map(({ start, end }) => document.text.slice(start, end));
  if (texts[0] !== undefined && !texts[0].startsWith('{'))
    throw unreadable(place, `record_path ${path} selects values that are no objects`, PATH_HINT);
  return texts;
}

const PATH_HINT = 'Set record_path to the JSONPath of the list of records, as in $.data.';

/** What a path selects. @throws FlexetlError SOURCE_UNREADABLE */
export function select(document: JsonDocument, path: string, place: Place): JsonNode[] {
  try {
    return document.select(path);
  } catch (error) {
    const what = error instanceof RangeError ? 'it is nested too deeply' : messageOf(error);
    throw unreadable(place, `${path} cannot be followed: ${what}`, 'Check what the service sends.');
  }
}

/** The elements of the one node that was selected. Null is no empty list: services have it where they failed. */
function listOf(
  { text }: JsonDocument,
  { value, start }: JsonNode,
): { start: number; end: number }[] | undefined {
  return Array.isArray(value) ? jsonElements(text, start) : undefined;
}

/** A path that selects nothing is right where its list is there. */
function isEmptyList(document: JsonDocument, path: string, place: Place): boolean {
  const list = jsonPath.list(path);
  return list !== undefined && select(document, list, place).some(({ value }) => Array.isArray(value));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys of a document say what it is; its values are not shown. */
function shape(value: unknown): string {
  if (Array.isArray(value)) return 'the body is a list';
  if (!isObject(value)) return `the body is ${value === null ? 'null' : `a ${typeof value}`}`;
  const keys = Object.keys(value).slice(0, 20);
  return keys.length === 0 ? 'the body is an empty object' : `the body has ${keys.join(', ').slice(0, 200)}`;
}

/** A field that is a JSON number or boolean stays one, as written: texts in a CSV file need no quotes. */
const BARE = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false)$/;

function csvRecords(text: string, place: Place): string[] {
  let rows: string[][];
  try {
    rows = parseCsv(text, { bom: true, skip_empty_lines: true });
  } catch (error) {
    if (isCutCsv(text, error as Partial<CsvError>))
      throw unreachable(place, 'CSV that ends too early', error);
    const { lines } = error as { lines?: number };
    const at = lines === undefined ? '' : ` at line ${lines}`;
    throw unreadable(
      place,
      `CSV that cannot be read${at}`,
      'Check url and format: comma, and one header line.',
      error,
    );
  }
  const [header = [], ...records] = rows;
  if (new Set(header).size < header.length)
    throw unreadable(place, 'a CSV header with a name that is there twice', 'Check url and params.');
  const keys = header.map((name) => JSON.stringify(name));
  return records.map(
    (fields) =>
      `{${fields.map((field, at) => `${keys[at]}:${BARE.test(field) ? field : JSON.stringify(field)}`).join(',')}}`,
  );
}

/** The last record ends inside quotes, or has too few fields and no line end. */
function isCutCsv(text: string, { code, record, bytes }: Partial<CsvError>): boolean {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return true;
  if (!Array.isArray(record) || /[\r\n]$/.test(text) || Number(bytes) < Buffer.byteLength(text)) return false;
  const [header = []] = parseCsv(text, { to: 1, skip_empty_lines: true });
  return record.length < header.length;
}

/** The columns that a record is to have. */
export interface Shape {
  columns?: readonly string[] | undefined;
  /** A column in front of the others, with its JSON value. */
  added?: { name: string; json: string } | undefined;
}

/** A record of that shape; one that landing will reject is left as it is. */
export function shapeRecord(text: string, { columns, added }: Shape, place: Place): string {
  if (!columns && !added) return text;
  const members = membersOf(text);
  if (!members) return text;
  if (added && members.has(added.name))
    throw unreadable(
      place,
      `its records have the key "${added.name}" already`,
      'Choose another for_each.column.',
    );
  const kept = columns?.filter((name) => name !== added?.name) ?? [...members.keys()];
  const parts = kept.map((name) => `${JSON.stringify(name)}:${members.get(name) ?? 'null'}`);
  if (added) parts.unshift(`${JSON.stringify(added.name)}:${added.json}`);
  return `{${parts.join(',')}}`;
}

/** @returns undefined for what is no JSON object, or has a key twice */
function membersOf(text: string): Map<string, string> | undefined {
  try {
    if (!isObject(JSON.parse(text))) return undefined;
  } catch {
    return undefined;
  }
  const members = jsonMembers(text, jsonValue(text).start);
  const found = new Map(members.map(({ key, start, end }) => [key, text.slice(start, end)]));
  return found.size === members.length ? found : undefined;
}
