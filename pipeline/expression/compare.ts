/** Comparisons. Every number is compared exactly, also where no decimal has room for both sides. */
import { LIMITS } from '../limits';
import { sqlType } from '../sql';
import { countDigits, decimal, isNumeric } from '../types';
import { digitsOf, unify, type Operand, type Problem } from './operand';
import type { Comparison } from './parse';

/** `left operator right`; null where a side is null. */
export function compareSql(operator: Comparison, left: Operand, right: Operand): { sql: string } | Problem {
  const scale = scaleOfWide([left, right]);
  if (scale !== undefined) return { sql: compareWide(operator, left, right, scale) };
  const unified = unify([left, right]);
  if ('problem' in unified) return unified;
  if (unified.type?.kind === 'boolean' && operator !== '=' && operator !== '<>')
    return { problem: `\`${operator}\` does not compare conditions`, at: left.at };
  return { sql: `(${unified.sqls.join(` ${operator} `)})` };
}

/** `value IN (list)`; null where it is not in the list and the value or one of the list is null. */
export function inListSql(value: Operand, list: readonly Operand[]): { sql: string } | Problem {
  if (scaleOfWide([value, ...list]) !== undefined) {
    const compared = list.map((one) => compareSql('=', value, one));
    return { sql: `(${compared.flatMap((one) => ('sql' in one ? one.sql : [])).join(' OR ')})` };
  }
  const unified = unify([value, ...list]);
  if ('problem' in unified) return unified;
  const [first, ...others] = unified.sqls;
  return { sql: `(${first} IN (${others.join(', ')}))` };
}

/** The largest scale, if a decimal of that scale has no room for all of these exact numbers. */
function scaleOfWide(operands: readonly Operand[]): number | undefined {
  const digits = operands.flatMap(({ type, literal }) => {
    if (type === null) return [];
    if (!isNumeric(type) || type.kind === 'float') return [{ whole: NaN, scale: NaN }];
    if (literal === undefined) return [digitsOf(type)];
    const { integerDigits, scale } = countDigits(literal);
    return [{ whole: integerDigits, scale }];
  });
  const scale = Math.max(...digits.map((one) => one.scale));
  const whole = Math.max(...digits.map((one) => one.whole));
  return whole + scale > LIMITS.decimalDigitsMax ? scale : undefined;
}

/** A side that has no room in a decimal of the larger scale is further from zero than the other, which has. */
function compareWide(operator: Comparison, left: Operand, right: Operand, scale: number): string {
  const type = sqlType(decimal(LIMITS.decimalDigitsMax, scale));
  const [a, b] = [left, right].map(({ sql }) => ({ sql, cast: `try_cast(${sql} AS ${type})` }));
  if (!a || !b) return 'NULL';
  return (
    `CASE WHEN ${a.sql} IS NULL OR ${b.sql} IS NULL THEN NULL ` +
    `WHEN ${b.cast} IS NULL THEN 0 ${operator} ${b.sql} WHEN ${a.cast} IS NULL THEN ${a.sql} ${operator} 0 ` +
    `ELSE ${a.cast} ${operator} ${b.cast} END`
  );
}
