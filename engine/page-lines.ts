/** The records of a page as JSON lines, which is how a page is landed. Numbers in a JSON text stay as written. */
import { FlexetlError, messageOf } from '../pipeline/errors';
import { isNested, isString, jsonMembers, jsonText, jsonValue, type JsonMember } from '../pipeline/json-text';
import { evidenceOfText } from '../pipeline/schema';
import type { Page } from '../plugin/source';

/** A page as it is written to its file. */
export interface PageLines {
  text: string;
  /** The records that DuckDB cannot read: their numbers, counted from 0, and why. */
  broken: [index: number, reason: string][];
  /** Keys of JSON texts with strings that look like numbers or booleans. */
  textColumns: string[];
}

/** What holds for all records of a page. */
interface LinesOf {
  /** The page, for messages. */
  where: string;
  /** The only keys allowed; undefined: any. */
  known: ReadonlySet<string> | undefined;
  textColumns: Set<string>;
}

type Scalar = string | number | boolean | null;

/** Characters that DuckDB cannot read in a text: NUL, and half of a surrogate pair. */
const BAD_TEXT = /\0|\p{Surrogate}/u;
/** How JSON may write them. */
const BAD_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;
const BAD_TEXT_REASON = 'NUL character or incomplete character';

/** Texts that may be read as numbers or booleans. */
const LOOKS_TYPED = /^[-+]?[\d.][\d.eE+-]*$|^(?:true|false)$/;

/**
 * One line for each record. Scalars stay what they are; nested values become their JSON text.
 * @param where the page, for messages
 * @param columns the only keys allowed; undefined: any
 * @throws FlexetlError SOURCE_UNREADABLE, SCHEMA_MISMATCH
 */
export function toLines(
  records: Page['records'],
  where: string,
  columns: readonly string[] | undefined,
): PageLines {
  const page: LinesOf = { where, known: columns && new Set(columns), textColumns: new Set() };
  const broken: PageLines['broken'] = [];
  const lines = records.map((record, index) => {
    const place = `${where}, record ${index + 1}`;
    const { line, reason } =
      typeof record === 'string' ? lineOfText(record, place, page) : lineOfObject(record, place, page);
    if (reason !== undefined) broken.push([index, reason]);
    return `${line}\n`;
  });
  return { text: lines.join(''), broken, textColumns: [...page.textColumns] };
}

interface Line {
  line: string;
  /** Why DuckDB cannot read it. */
  reason?: string;
}

function lineOfText(text: string, place: string, { known, textColumns }: LinesOf): Line {
  // A line break in valid JSON is a blank between values.
  const line = text.replace(/[\r\n]+/g, ' ').trim();
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { line, reason: 'not a JSON object' };
  } catch (error) {
    return { line, reason: `not JSON: ${explainSyntax(error)}` };
  }
  const members = jsonMembers(line, jsonValue(line).start);
  const keys = new Set<string>();
  for (const { key, start, end } of members) {
    if (keys.has(key)) return { line, reason: `the key "${key.slice(0, 80)}" is there twice` };
    keys.add(key);
    if (known && !known.has(key) && line.slice(start, end) !== 'null') throw unknownKey(place, key);
  }
  if (BAD_TEXT.test(line) || (BAD_ESCAPE.test(line) && members.some((one) => isBadText(line, one))))
    return { line, reason: BAD_TEXT_REASON };
  for (const member of members) if (looksTyped(line, member, textColumns)) textColumns.add(member.key);
  return { line: members.some((one) => isNested(line, one)) ? withTexts(line, members) : line };
}

/** V8's messages quote the text, which may be values of rows. */
function explainSyntax(error: unknown): string {
  return /end of JSON|Unterminated/.test(messageOf(error)) ? 'it ends too early' : 'its syntax is wrong';
}

function isBadText(line: string, member: JsonMember): boolean {
  return isString(line, member) && BAD_TEXT.test(jsonText(line, member) ?? '');
}

function looksTyped(line: string, member: JsonMember, known: ReadonlySet<string>): boolean {
  if (known.has(member.key) || !isString(line, member)) return false;
  const text = jsonText(line, member) ?? '';
  if (!LOOKS_TYPED.test(text)) return false;
  return ['integer', 'decimal', 'float', 'boolean'].includes(
    evidenceOfText(text, { decimal_separator: '.' }).kind,
  );
}

/** The object with its nested values as strings that hold their JSON text. */
function withTexts(line: string, members: readonly JsonMember[]): string {
  const written = members.map((member) => {
    const value = line.slice(member.start, member.end);
    return `${JSON.stringify(member.key)}:${isNested(line, member) ? JSON.stringify(value) : value}`;
  });
  return `{${written.join(',')}}`;
}

function lineOfObject(record: Record<string, unknown>, place: string, { known }: LinesOf): Line {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw unreadable(`${place} is not an object.`, 'A source yields records as plain objects.');
  }
  // Without a prototype, so that `__proto__` is a key like any other.
  const flat = Object.create(null) as Record<string, Scalar>;
  let bad = false;
  for (const [key, value] of Object.entries(record)) {
    // JSON has no undefined: the key is as good as absent.
    if (value === undefined) continue;
    if (known && !known.has(key) && value !== null) throw unknownKey(place, key);
    const scalar = toScalar(value, () => `${place}: "${key}"`);
    if (typeof scalar === 'string' && BAD_TEXT.test(scalar)) bad = true;
    if (scalar !== undefined) flat[key] = scalar;
  }
  return { line: JSON.stringify(flat), ...(bad && { reason: BAD_TEXT_REASON }) };
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

function unknownKey(place: string, key: string): FlexetlError {
  return new FlexetlError('SCHEMA_MISMATCH', {
    message: `${place} has the column "${key}", which the first page does not have.`,
    hint: 'Name the keys that are wanted under columns of the source (api has it), or let the first page have all columns, with null where there is no value.',
  });
}

function unreadable(message: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message, hint });
}
