/**
 * The SQL of the sum of floats, with the states of an aggregate (see `aggregates.ts`): the exact sum, rounded once, so it
 * is the same for every order of rows. A float is a whole number of units of 2^-1074; its binary digits are added in 128-bit
 * integers, one for every 80 digits.
 */
import { sqlError } from '../sql';
import type { AggregateState } from './state';

/** Binary digits of a bin: 46 bits are left for the carries of 10^13 rows. */
const BIN_BITS = 80;
/** The exponents of the bins that hold every double, ascending. */
const ALL_BINS = Array.from({ length: 27 }, (_, index) => -1120 + index * BIN_BITS);
/** Enough for a float of 0, or from 2^-107 to below 2^90, whose last digit is 2^-159 or above. */
const FAST_BINS = [-160, -80, 0];

export interface FloatSum {
  sql: string;
  states: AggregateState[];
  merge(columns: readonly string[]): string;
}

/** @param fast three bins, which fail with VALUE_OVERFLOW for larger and smaller floats; otherwise all */
export function sumFloats(sql: string, fast: boolean): FloatSum {
  const bins = fast ? FAST_BINS : ALL_BINS;
  const states = bins.map((bin) => {
    const ofRow = `CAST(${fast ? fastDigits(sql, bin) : digits(sql, bin)} AS HUGEINT)`;
    return { name: `bits_${bin}`, storedAs: 'DECIMAL(38,0)', ofRow, ofRows: `sum(${ofRow})` };
  });
  const merge = (columns: readonly string[]): string => roundOnce(columns, bins[0] ?? 0);
  return { sql: merge(states.map(({ ofRow }) => ofRow)), states, merge };
}

function power(exponent: number): string {
  return `CAST('${2 ** exponent}' AS DOUBLE)`;
}

/** The binary digits of a float in a bin, with its sign, as a whole number. Every operation is exact. */
function digitsOf(value: string, bin: number): string {
  // 2^1120 is no double.
  const half = -bin / 2;
  const scaled = bin < -960 ? `(${value} * ${power(half)} * ${power(half)})` : `(${value} * ${power(-bin)})`;
  return `trunc(${scaled}) - trunc(${scaled} * ${power(-BIN_BITS)}) * ${power(BIN_BITS)}`;
}

function digits(sql: string, bin: number): string {
  // An expression of a user may be long: it is written once, and has a name.
  const isLong = sql.length > 100;
  const x = isLong ? '_flexetl_x' : sql;
  // A larger float has no digits here, and its product would be infinite.
  const there = bin > 800 ? 'true' : `abs(${x}) < ${power(bin + 140)}`;
  const found = `CASE WHEN ${there} THEN ${digitsOf(x, bin)} WHEN ${x} IS NOT NULL THEN 0 END`;
  return isLong ? bind(sql, x, found) : found;
}

function fastDigits(sql: string, bin: number): string {
  if (bin !== 0) return digitsOf(sql, bin);
  const error = sqlError('VALUE_OVERFLOW', 'a float is too large or too small for the fast sum');
  const fits = `${sql} = 0 OR abs(${sql}) BETWEEN ${power(-107)} AND ${power(89)}`;
  return `CASE WHEN ${fits} THEN trunc(${sql}) WHEN ${sql} IS NOT NULL THEN ${error} END`;
}

/** SQL with a name for a value that it uses several times. */
function bind(value: string, name: string, sql: string): string {
  return `(list_transform([${value}], lambda ${name}: ${sql})[1])`;
}

function huge(value: bigint): string {
  return `CAST('${value}' AS HUGEINT)`;
}

const BIN = huge(1n << 80n);

/** The last bits of a number, and the number without them: a remainder that is not negative, and its quotient. */
function lowBits(value: string, bits: number): string {
  return `(${value} & ${huge((1n << BigInt(bits)) - 1n)})`;
}
function highBits(value: string, bits: number): string {
  return `(${value} >> ${bits})`;
}

/**
 * The double that is nearest to the sum, half to even; null over no values.
 * @param bins columns of digits, of ascending exponents
 * @param lowest exponent of the first bin
 */
function roundOnce(bins: readonly string[], lowest: number): string {
  const sums = bins.map((column) => `CAST(coalesce(sum(${column}), 0) AS HUGEINT)`).join(', ');
  const rounded =
    bins.length === FAST_BINS.length
      ? bind(carryThree(sums), '_flexetl_d', roundThree(String(lowest)))
      : bind(carryAll(sums), '_flexetl_s', roundAll(lowest));
  // Groups of parts that were summed the fast way have no other bins.
  return `CASE WHEN count(${bins[-lowest / BIN_BITS]}) > 0 THEN ${rounded} END`;
}

/** The same number in three bins, all but the last with digits from 0 to 2^80 - 1. */
function carryThree(sums: string): string {
  const middle = `(_flexetl_s[2] + ${highBits('_flexetl_s[1]', BIN_BITS)})`;
  const last = `_flexetl_s[3] + ${highBits(middle, BIN_BITS)}`;
  return bind(
    `[${sums}]`,
    '_flexetl_s',
    `[${lowBits('_flexetl_s[1]', BIN_BITS)}, ${lowBits(middle, BIN_BITS)}, ${last}]`,
  );
}

/** The same for any number of bins, with one more for the last carry. */
function carryAll(sums: string): string {
  const digit = lowBits('_flexetl_a[-1]', BIN_BITS);
  const next = `_flexetl_b[1] + ${highBits('_flexetl_a[-1]', BIN_BITS)}`;
  return `list_reduce(list_transform([${sums}, 0], lambda _flexetl_n: [_flexetl_n]), lambda _flexetl_a, _flexetl_b: list_concat(_flexetl_a[:-2], [${digit}, ${next}]))`;
}

/** The double of carried bins `_flexetl_s`: the three that decide it, with a mark in the last for lower digits. */
function roundAll(lowest: number): string {
  // Above the first bin that counts, the bins of a negative number have only ones.
  const sign = `CASE WHEN _flexetl_s[-1] < 0 THEN -1 ELSE 0 END`;
  const plain = `CASE WHEN _flexetl_s[-1] < 0 THEN ${BIN} - 1 ELSE 0 END`;
  const first = `coalesce(list_last(list_filter(range(1, len(_flexetl_s)), lambda _flexetl_i: _flexetl_s[_flexetl_i] <> ${plain})), 1)`;
  const at = (offset: number): string =>
    `CASE WHEN _flexetl_p > ${offset} THEN _flexetl_s[_flexetl_p - ${offset}] ELSE 0 END`;
  const rest = `CASE WHEN _flexetl_p > 3 AND list_max(_flexetl_s[1:_flexetl_p - 3]) > 0 THEN 1 ELSE 0 END`;
  const three = `[${at(2)} | ${rest}, ${at(1)}, ${sign} * ${BIN} + ${at(0)}]`;
  const double = bind(three, '_flexetl_d', roundThree(`${lowest - 160} + 80 * (_flexetl_p - 1)`));
  return `CASE WHEN _flexetl_s[-1] IN (0, -1) THEN ${bind(first, '_flexetl_p', double)} ELSE CAST('Infinity' AS DOUBLE) END`;
}

/**
 * The double of three carried bins `_flexetl_d`: a number of 66 to 106 bits, whose last bit is 1 where digits are cut
 * off, or fewer bits and none cut off. It is the sum of two doubles, which is rounded once.
 * @param lowest SQL of the exponent of the first bin
 */
function roundThree(lowest: string): string {
  const [l, u, w] = ['_flexetl_d[1]', '_flexetl_d[2]', '_flexetl_d[3]'];
  const upper = `(${w} * ${BIN} + ${u})`;
  const cut = (value: string, rest: string): string => `(${value} | CASE WHEN ${rest} > 0 THEN 1 ELSE 0 END)`;
  const below = (value: string, bits: number): string => `abs(${value}) < ${huge(1n << BigInt(bits))}`;
  const joined = (value: string, rest: string): string =>
    `(${value} * ${huge(1n << 40n)} + ${highBits(rest, 40)})`;
  const choices = [
    [`${below(w, 25)} AND ${below(upper, 25)}`, `${upper} * ${BIN} + ${l}`, 0],
    [`${below(w, 25)} AND ${below(upper, 65)}`, cut(joined(upper, l), lowBits(l, 40)), 40],
    [below(w, 25), cut(upper, l), 80],
    [below(w, 65), cut(joined(w, u), `(${lowBits(u, 40)} + ${l})`), 120],
    [below(w, 105), cut(w, `(${u} + ${l})`), 160],
    ['true', cut(highBits(w, 21), `(${lowBits(w, 21)} + ${u} + ${l})`), 181],
  ] as const;
  const chosen = `CASE ${choices.map(([when, value, shift]) => `WHEN ${when} THEN [${value}, ${shift}]`).join(' ')} END`;
  const part = (value: string): string => `CAST(CAST(${value} AS BIGINT) AS DOUBLE)`;
  const whole = `(${part(highBits('_flexetl_r[1]', 53))} * ${power(53)} + ${part(lowBits('_flexetl_r[1]', 53))})`;
  // In two steps: the power itself may be no double.
  const exponent = `CAST(${lowest} + _flexetl_r[2] AS INTEGER)`;
  const scaled = `${whole} * pow(2.0::DOUBLE, ${exponent} // 2) * pow(2.0::DOUBLE, ${exponent} - ${exponent} // 2)`;
  return bind(chosen, '_flexetl_r', scaled);
}
