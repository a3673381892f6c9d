/** Types of PostgreSQL's columns, as `format_type` writes them, and the values that they keep as they are. */
import type { ColumnType, TypeKind } from '../../pipeline/types';

const DECLARED: Record<Exclude<TypeKind, 'decimal' | 'timestamp'>, string> = {
  // Nulls only: a text column takes whatever a person puts into it.
  unknown: 'text',
  string: 'text',
  integer: 'bigint',
  float: 'double precision',
  boolean: 'boolean',
  date: 'date',
};

export function declareType(type: ColumnType): string {
  if (type.kind === 'decimal') return `numeric(${type.precision},${type.scale})`;
  // Times are in UTC once they had an offset.
  if (type.kind === 'timestamp') return type.offset === true ? 'timestamptz' : 'timestamp';
  return DECLARED[type.kind];
}

const TIMESTAMPS = ['timestamp without time zone', 'timestamp with time zone'];

/** Types that keep every value of a kind, or refuse it; those in NARROWER refuse some. */
const KEEPS: Record<Exclude<TypeKind, 'unknown' | 'decimal'>, RegExp | readonly string[]> = {
  string: /^(text|character varying(\(\d+\))?|json|jsonb|uuid)$/,
  integer: ['bigint', 'integer', 'smallint', 'numeric'],
  float: ['double precision'],
  boolean: ['boolean'],
  date: ['date', 'timestamp without time zone'],
  // With fewer than six digits of seconds PostgreSQL rounds.
  timestamp: [...TIMESTAMPS, ...TIMESTAMPS.map((type) => type.replace(' ', '(6) '))],
};

const NUMERIC = /^numeric\((\d+),(-?\d+)\)$/;

/** Digits of a 64-bit integer. */
const INTEGER_DIGITS = 19;

export function keepsType(declared: string, type: ColumnType): boolean {
  if (type.kind === 'unknown') return true;
  const [, precision, scale] = NUMERIC.exec(declared) ?? [];
  if (precision !== undefined) {
    // PostgreSQL rounds to the scale of the column.
    const whole = Number(precision) - Number(scale);
    if (type.kind === 'integer') return Number(scale) >= 0 && whole >= INTEGER_DIGITS;
    return type.kind === 'decimal' && Number(scale) >= type.scale && whole >= type.precision - type.scale;
  }
  if (type.kind === 'decimal') return declared === 'numeric';
  const keeps = KEEPS[type.kind];
  return keeps instanceof RegExp ? keeps.test(declared) : keeps.includes(declared);
}

/** SQL of the values that a column does not take, of `name`, where its type alone does not say that it takes all. */
export function refusedSql(declared: string, name: string): string | undefined {
  const [, length] = /^character varying\((\d+)\)$/.exec(declared) ?? [];
  // PostgreSQL would cut blanks at the end.
  if (length !== undefined) return `char_length(${name}) > ${length}`;
  if (declared === 'integer') return `${name} NOT BETWEEN -2147483648 AND 2147483647`;
  if (declared === 'smallint') return `${name} NOT BETWEEN -32768 AND 32767`;
  return undefined;
}

/** Types that a text becomes only when it is asked to. */
export const CAST_TYPES: readonly string[] = ['json', 'jsonb', 'uuid'];
