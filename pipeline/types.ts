/**
 * The types of columns, and the rules that say whether a text is a value of a type.
 *
 * The same rules exist twice: here for single values (samples, reasons of rejects), and as SQL in `sql.ts` for whole
 * partitions. A property test checks that the two agree.
 */
import { LIMITS } from './limits';
import { plainText, type TextForms } from './text-forms';

export type ColumnType =
  /** Only nulls so far: fits every use, and every column of a target. */
  | { kind: 'unknown' }
  | { kind: 'string' }
  | { kind: 'integer' }
  | { kind: 'float' }
  | { kind: 'boolean' }
  | { kind: 'date' }
  /** `offset`: of an inferred type, whether all its texts have an offset from UTC, or none. Otherwise both are read. */
  | { kind: 'timestamp'; offset?: boolean }
  | { kind: 'decimal'; precision: number; scale: number };

export type TypeKind = ColumnType['kind'];

export interface Column {
  name: string;
  type: ColumnType;
  /** True: the user declared the type, and every usual spelling is accepted. Otherwise only the canonical one. */
  declared?: boolean;
  /** False: a null is rejected. Default true. */
  nullable?: boolean;
  /** The type was inferred, and its values do not give back their texts: `1.1` in a column that has `1.25` is 1.10. */
  respelled?: boolean;
}

/** Columns in order; names are unique. */
export type Schema = readonly Column[];

/** How text becomes values; the source's options of the same names. */
export interface TextRules extends TextForms {
  /** Forms of single columns. */
  columns?: Readonly<Record<string, Partial<TextForms>>>;
}

/** The rules of one column. */
export function rulesOf({ columns = {}, ...rules }: TextRules, name: string): TextRules {
  return Object.hasOwn(columns, name) ? { ...rules, ...columns[name] } : rules;
}

/**
 * Which spellings are values of a type. `usual`: the ones people write in a column they declared (`+5`, `007`).
 * `canonical`: only those that the typed value gives back, so that type inference never changes `00012`.
 */
export type Spelling = 'usual' | 'canonical';

export function spellingOf(column: Column): Spelling {
  return column.declared ? 'usual' : 'canonical';
}

export const UNKNOWN: ColumnType = { kind: 'unknown' };
export const STRING: ColumnType = { kind: 'string' };
export const INTEGER: ColumnType = { kind: 'integer' };
export const FLOAT: ColumnType = { kind: 'float' };
export const BOOLEAN: ColumnType = { kind: 'boolean' };
export const DATE: ColumnType = { kind: 'date' };
export const TIMESTAMP: ColumnType = { kind: 'timestamp' };

export function decimal(precision: number, scale: number): ColumnType {
  return { kind: 'decimal', precision, scale };
}

/** `decimal(12,2)` for a decimal, the kind for all others. */
export function formatType(type: ColumnType): string {
  return type.kind === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.kind;
}

export function sameType(a: ColumnType, b: ColumnType): boolean {
  return formatType(a) === formatType(b);
}

export function isNumeric(type: ColumnType): boolean {
  return type.kind === 'integer' || type.kind === 'decimal' || type.kind === 'float';
}

export function findColumn(schema: Schema, name: string): Column | undefined {
  return schema.find((column) => column.name === name);
}

const DECIMAL_NAME = /^decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$/;

/**
 * Reads a type as users write it. `decimal` without digits gives `'decimal'`: as many digits as the input needs.
 * @returns undefined when the text is not a type
 */
export function parseType(text: string): ColumnType | 'decimal' | undefined {
  switch (text) {
    case 'string':
    case 'integer':
    case 'float':
    case 'boolean':
    case 'date':
    case 'timestamp':
      return { kind: text };
    case 'decimal':
      return 'decimal';
    default: {
      const match = DECIMAL_NAME.exec(text);
      if (!match) return undefined;
      const precision = Number(match[1]);
      const scale = Number(match[2]);
      if (precision < 1 || precision > LIMITS.decimalDigitsMax || scale > precision) return undefined;
      return decimal(precision, scale);
    }
  }
}

/** The offset of a timestamp from UTC, as in `+05:30`; PostgreSQL writes `+00` for whole hours. */
export const OFFSET_PATTERN = '(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?';

/**
 * Regular expressions in the common subset of JavaScript and RE2, matched against the whole text. Without flags:
 * if case is ignored, RE2 accepts the long s of `yeſ` as an s, and JavaScript does not.
 */
export const TEXT_PATTERNS = {
  integer: '[+-]?[0-9]+',
  decimal: '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)',
  float: '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?',
  boolean: '[tT]([rR][uU][eE])?|[fF]([aA][lL][sS][eE])?|[yY]([eE][sS])?|[nN][oO]?|1|0',
  date: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  timestamp: `[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?${OFFSET_PATTERN})?`,
} as const;

const CANONICAL_DECIMAL =
  '(0|[1-9][0-9]*)([.][0-9]+)?|[.][0-9]+|-([1-9][0-9]*([.][0-9]+)?|0?[.][0-9]*[1-9][0-9]*)';
/** A number with an exponent: what makes a column that is not declared one of floats. */
export const EXPONENT_PATTERN = '-?(0|[1-9][0-9]*)([.][0-9]+)?[eE][+-]?[0-9]+';

/** The patterns of the canonical spellings. */
export const CANONICAL_PATTERNS = {
  ...TEXT_PATTERNS,
  // Not -0 and -0.0, which would lose their sign.
  integer: '0|-?[1-9][0-9]*',
  decimal: CANONICAL_DECIMAL,
  float: `${CANONICAL_DECIMAL}|${EXPONENT_PATTERN}`,
  boolean: '[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]',
} as const;

type Patterns<T> = Record<keyof typeof TEXT_PATTERNS, T>;
const compile = (patterns: Patterns<string>): Patterns<RegExp> =>
  Object.fromEntries(
    Object.entries(patterns).map(([kind, pattern]) => [kind, new RegExp(`^(?:${pattern})$`)]),
  ) as Patterns<RegExp>;
const SPELLINGS = { usual: compile(TEXT_PATTERNS), canonical: compile(CANONICAL_PATTERNS) };

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The digits of a decimal text: before the point without leading zeros, and after it. */
export function countDigits(text: string): { integerDigits: number; scale: number } {
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.');
  return { integerDigits: whole.replace(/^0+/, '').length, scale: fraction.length };
}

/**
 * Explains why a text is not a value of a type.
 * @param text a text that is not null, as it is in the source
 * @returns null when it is a value of the type, else a short reason without the value
 */
export function explainMismatch(
  text: string,
  type: ColumnType,
  rules: TextRules,
  spelling: Spelling = 'usual',
): string | null {
  const patterns = SPELLINGS[spelling];
  switch (type.kind) {
    case 'unknown':
      return 'a text in a column that had none';
    case 'string':
      return null;
    case 'integer': {
      const plain = plainText(text, 'integer', rules);
      if (plain === null || !patterns.integer.test(plain)) return 'not an integer';
      const value = plain.length > 18 ? BigInt(plain.replace(/^\+/, '')) : 0n;
      return value > INT64_MAX || value < INT64_MIN ? 'outside the 64-bit integers' : null;
    }
    case 'decimal': {
      const plain = plainText(text, 'decimal', rules);
      if (plain === null || !patterns.decimal.test(plain)) return 'not a decimal';
      const { integerDigits, scale } = countDigits(plain);
      if (scale > type.scale) return `${scale} digits after the point, ${formatType(type)} has ${type.scale}`;
      const room = type.precision - type.scale;
      return integerDigits > room
        ? `${integerDigits} digits before the point, ${formatType(type)} has ${room}`
        : null;
    }
    case 'float': {
      const plain = plainText(text, 'float', rules);
      if (plain === null || !patterns.float.test(plain)) return 'not a number';
      if (!Number.isFinite(Number(plain))) return 'outside the range of a double';
      return spelling === 'canonical' && !isDouble(plain) ? 'more digits than a double has' : null;
    }
    case 'boolean': {
      const plain = plainText(text, 'boolean', rules);
      return plain !== null && patterns.boolean.test(plain) ? null : 'not a boolean';
    }
    case 'date': {
      const plain = plainText(text, 'date', rules);
      const format = rules.date_format ?? 'YYYY-MM-DD';
      return plain !== null && patterns.date.test(plain) && isCalendarDate(plain)
        ? null
        : `not a date (${format})`;
    }
    case 'timestamp': {
      const plain = plainText(text, 'timestamp', rules);
      const format = rules.timestamp_format ?? 'YYYY-MM-DD HH:MM:SS';
      if (plain === null || !patterns.timestamp.test(plain) || !isCalendarDate(plain.slice(0, 10)))
        return `not a timestamp (${format})`;
      return type.offset !== undefined && type.offset !== hasOffset(plain)
        ? 'a time with an offset from UTC among times without'
        : null;
    }
  }
}

/** True if the double that a number becomes gives back its digits. @param plain with '.' as its point */
export function isDouble(plain: string): boolean {
  return digitsOf(plain) === digitsOf(String(Number(plain)));
}

function digitsOf(plain: string): string {
  return plain
    .replace(/[eE].*$/, '')
    .replace(/[^0-9]/g, '')
    .replace(/^0+|0+$/g, '');
}

/** True for a timestamp with an offset from UTC. */
export function hasOffset(timestamp: string): boolean {
  return /[Z+-]/.test(timestamp.slice('YYYY-MM-DD'.length));
}

/** True for days that exist in the proleptic Gregorian calendar, years 0001 to 9999. */
function isCalendarDate(text: string): boolean {
  const year = Number(text.slice(0, 4));
  const month = Number(text.slice(5, 7));
  const day = Number(text.slice(8, 10));
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day <= days;
}
