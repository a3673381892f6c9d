/** The rules of a column in `validation.schema`. Nulls pass all of them: `nullable` is their rule. */
import { z } from 'zod';
import type { RowCheck } from '../../plugin/check';
import { compileFilter } from '../condition';
import { explainPattern } from '../expression/pattern';
import { LIMITS } from '../limits';
import { textColumn } from '../stage-sql';
import { literal } from '../sql';
import type { Column } from '../types';
import { boundSql } from './bound';
import { FORMATS, FORMAT_NAMES, formatFails } from './formats';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const length = z.int().min(0).max(LIMITS.fieldBytesMax).optional();

export const columnRules = z.strictObject({
  min: z
    .union([z.string(), z.number()])
    .optional()
    .describe(
      'The smallest value, of a column of numbers, dates or timestamps; compared exactly. Digits beyond 15 need quotes.',
    ),
  max: z.union([z.string(), z.number()]).optional().describe('The largest value.'),
  min_length: length.describe('The minimum number of characters of the text, as it is in the source.'),
  max_length: length.describe('The maximum number of characters.'),
  pattern: z
    .string()
    .superRefine((pattern, ctx) => {
      const wrong = explainPattern(pattern);
      if (wrong !== undefined) ctx.addIssue({ code: 'custom', message: `the pattern ${wrong}.` });
    })
    .optional()
    .describe(
      'A regular expression (RE2) that matches anywhere in the text; `^` and `$` are its start and its end.',
    ),
  enum: z.array(scalar).min(1).max(LIMITS.listValuesMax).optional().describe('The only values.'),
  format: z
    .enum(FORMAT_NAMES)
    .optional()
    .describe(`What the whole text is: ${FORMAT_NAMES.map((name) => `\`${name}\``).join(', ')}.`),
});

export type ColumnRules = z.output<typeof columnRules>;

export function hasRules(rules: object): boolean {
  return Object.keys(columnRules.shape).some((rule) => Object.hasOwn(rules, rule));
}

/**
 * @param index of the column among those that are checked
 * @throws FlexetlError SCHEMA_MISMATCH for a rule that a column of its type cannot have
 */
export function columnChecks(
  column: Column,
  index: number,
  rules: ColumnRules,
): (RowCheck & { rule: string })[] {
  const text = textColumn(index);
  const isKnown = column.type.kind !== 'unknown';
  const { min, max, min_length: shortest, max_length: longest, pattern, format } = rules;
  const found: [rule: string, fails: string | undefined, reason: string][] = [
    ['min', min === undefined || !isKnown ? undefined : boundSql(column, '<', min), `below ${min}`],
    ['max', max === undefined || !isKnown ? undefined : boundSql(column, '>', max), `above ${max}`],
    [
      'min_length',
      shortest === undefined ? undefined : `length(${text}) < ${shortest}`,
      `shorter than ${many(shortest)}`,
    ],
    [
      'max_length',
      longest === undefined ? undefined : `length(${text}) > ${longest}`,
      `longer than ${many(longest)}`,
    ],
    [
      'pattern',
      pattern === undefined ? undefined : `NOT regexp_matches(${text}, ${literal(pattern)})`,
      `does not match the pattern ${pattern}`,
    ],
    [
      'enum',
      rules.enum === undefined || !isKnown ? undefined : compileFilter(column, 'not_in', rules.enum, 'enum'),
      `not one of ${shorten((rules.enum ?? []).join(', '))}`,
    ],
    [
      'format',
      format === undefined ? undefined : formatFails(format, text),
      format === undefined ? '' : `not ${FORMATS[format].words}`,
    ],
  ];
  return found.flatMap(([rule, fails, reason]) =>
    fails === undefined ? [] : { scope: 'row' as const, column: column.name, rule, fails, reason },
  );
}

function many(characters = 0): string {
  return `${characters} character${characters === 1 ? '' : 's'}`;
}

function shorten(text: string): string {
  return text.length <= LIMITS.valueCharsMax ? text : `${text.slice(0, LIMITS.valueCharsMax - 1)}…`;
}

/** A null is in a column that is not nullable. */
export function nullableCheck(column: Column, index: number): RowCheck & { rule: string } {
  return {
    scope: 'row',
    rule: 'nullable',
    column: column.name,
    fails: `${textColumn(index)} IS NULL`,
    reason: 'null in a column that is not nullable',
  };
}
