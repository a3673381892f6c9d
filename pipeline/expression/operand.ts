/** A compiled part of an expression, and the common type of two operands. */
import { LIMITS } from '../limits';
import { ident, literal, sqlError, sqlType, timestampLiteral } from '../sql';
import {
  BOOLEAN,
  FLOAT,
  DATE,
  INTEGER,
  STRING,
  TIMESTAMP,
  countDigits,
  decimal,
  explainMismatch,
  formatType,
  isNumeric,
  sameType,
  type Column,
  type ColumnType,
} from '../types';

export interface Operand {
  sql: string;
  /** Null for the literal `null` and a column of only nulls, which take the type of the other operand. */
  type: ColumnType | null;
  at: number;
  /** The text of a literal: next to a date a text is read as a date, next to a float a number as a float. */
  literal?: string;
  /** May fail for some rows: after `and` or `or` it is only computed where needed. */
  fails?: boolean;
  /** The name of a column whose values do not give back the texts of the source. */
  respelled?: string;
  /** A float that arithmetic may have made infinite or NaN. */
  infinite?: boolean;
}

export function columnOperand(column: Column, at: number): Operand {
  const { name, type, respelled } = column;
  if (type.kind === 'unknown') return { sql: 'NULL', type: null, at };
  return { sql: ident(name), type, at, ...(respelled && { respelled: name }) };
}

/** @param text digits with at most one point and an optional exponent or sign; never more than 38 digits */
export function numberOperand(text: string, at: number): Operand | { problem: string } {
  const plain = expandExponent(text);
  const { integerDigits, scale } = countDigits(plain);
  if (!plain.includes('.')) {
    const reason = explainMismatch(plain, INTEGER, { decimal_separator: '.' });
    if (reason === null)
      return { sql: `CAST(${literal(plain)} AS BIGINT)`, type: INTEGER, at, literal: plain };
  }
  const precision = Math.max(integerDigits, scale === LIMITS.decimalDigitsMax ? 0 : 1) + scale;
  if (precision > LIMITS.decimalDigitsMax) {
    return { problem: `A number of ${precision} digits, at most ${LIMITS.decimalDigitsMax} are exact` };
  }
  const type = decimal(precision, scale);
  return { sql: `CAST(${literal(plain)} AS ${sqlType(type)})`, type, at, literal: plain };
}

export function textOperand(value: string, at: number): Operand {
  return { sql: literal(value), type: STRING, at, literal: value };
}

export function booleanOperand(value: boolean, at: number): Operand {
  return { sql: String(value), type: BOOLEAN, at };
}

/** `1.5e3` as `1500`: the same number, digit by digit. */
export function expandExponent(text: string): string {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?[eE]([+-]?\d{1,4})$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits}${'0'.repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** The digits before and after the point that hold every value; an integer has 19 before it. */
export function digitsOf(type: ColumnType): { whole: number; scale: number } {
  return type.kind === 'decimal'
    ? { whole: type.precision - type.scale, scale: type.scale }
    : { whole: INTEGER_DIGITS, scale: 0 };
}

const INTEGER_DIGITS = 19;

/** A decimal of these digits, or the widest there is: a value that does not fit fails the query. */
export function decimalOf(whole: number, scale: number): ColumnType {
  return decimal(Math.min(LIMITS.decimalDigitsMax, Math.max(1, whole + scale)), scale);
}

/** The type that holds the values of both, or undefined when there is none. */
export function commonType(a: ColumnType | null, b: ColumnType | null): ColumnType | null | undefined {
  if (a === null || b === null) return a ?? b;
  if (sameType(a, b)) return a;
  if (isNumeric(a) && isNumeric(b)) {
    if (a.kind === 'float' || b.kind === 'float') return FLOAT;
    const [left, right] = [digitsOf(a), digitsOf(b)];
    return decimalOf(Math.max(left.whole, right.whole), Math.max(left.scale, right.scale));
  }
  const kinds = new Set([a.kind, b.kind]);
  return kinds.has('date') && kinds.has('timestamp') ? TIMESTAMP : undefined;
}

/** The operand cast to a wider type; exact, except that a number may be rounded to a float. */
export function widen(operand: Operand, type: ColumnType | null): Operand {
  if (type === null || (operand.type !== null && sameType(operand.type, type))) return operand;
  const source =
    operand.literal !== undefined && operand.type?.kind !== 'string' ? literal(operand.literal) : operand.sql;
  return { ...operand, sql: `CAST(${source} AS ${sqlType(type)})`, type };
}

/** Text literals next to dates and timestamps are read as they are in data. */
function readDates(operands: readonly Operand[]): readonly Operand[] | { problem: string; at: number } {
  const kinds = new Set(operands.map((operand) => operand.type?.kind));
  const type = kinds.has('timestamp') ? TIMESTAMP : kinds.has('date') ? DATE : undefined;
  if (!type) return operands;
  const read: Operand[] = [];
  for (const operand of operands) {
    if (operand.type?.kind !== 'string' || operand.literal === undefined) {
      read.push(operand);
      continue;
    }
    const reason = explainMismatch(operand.literal, type, { decimal_separator: '.' });
    if (reason !== null) return { problem: `The text used as a ${type.kind} is ${reason}`, at: operand.at };
    const { literal: _text, ...rest } = operand;
    const sql = type === DATE ? `CAST(${operand.sql} AS DATE)` : timestampLiteral(operand.literal);
    read.push({ ...rest, sql, type });
  }
  return read;
}

/** A float that is finite: fails where arithmetic left the range of doubles. */
export function assertFinite(operand: Operand): Operand {
  if (!operand.infinite) return operand;
  const { sql } = operand;
  const error = sqlError('VALUE_OVERFLOW', 'A float is outside the range of doubles.');
  return {
    ...operand,
    sql: `CASE WHEN isfinite(${sql}) OR ${sql} IS NULL THEN ${sql} ELSE ${error} END`,
    infinite: false,
  };
}

export interface Problem {
  problem: string;
  at: number;
  hint?: string;
}

/** The operands in their common type. */
export function unify(args: readonly Operand[]): { sqls: string[]; type: ColumnType | null } | Problem {
  const read = readDates(args.map(assertFinite));
  if ('problem' in read) return read;
  let type: ColumnType | null = null;
  for (const arg of read) {
    const common = commonType(type, arg.type);
    if (common === undefined) {
      return {
        problem: `${nameOfType(type)} and ${nameOfType(arg.type)} have no common type`,
        at: arg.at,
        hint: 'Convert one of them in a cast step before.',
      };
    }
    type = common;
  }
  return { sqls: read.map((arg) => widen(arg, type).sql), type };
}

export function nameOfType(type: ColumnType | null): string {
  return type === null ? 'null' : formatType(type);
}

/** The name of a function or aggregate, from how it is called: `round` from `round(number, digits)`. */
export function nameOfUsage(usage: string): string {
  return usage.slice(0, usage.indexOf('('));
}
