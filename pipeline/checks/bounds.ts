/** Bounds of a value: the options `min` and `max`, and the SQL that compares exactly. */
import { z } from 'zod';
import { compileFilter } from '../condition';
import { count } from '../markdown';
import type { Column } from '../types';

const bound = z.union([z.string(), z.number()]);

/** Options of a check that bounds a number, date, timestamp or text. */
export const boundOptions = {
  min: bound
    .optional()
    .describe('The smallest value that passes: a number, or in quotes a date, a timestamp or a long number.'),
  max: bound.optional().describe('The largest value that passes.'),
};

export interface Bounds {
  min?: string | number | undefined;
  max?: string | number | undefined;
}

/** For `superRefine`: one of the bounds at least. */
export function requireBound({ min, max }: Bounds, context: z.RefinementCtx): void {
  if (min !== undefined || max !== undefined) return;
  context.addIssue({ code: 'custom', message: 'expected min, max or both.' });
}

/**
 * SQL that is true for a value outside of the bounds, null for a null.
 * @param check its type, for messages
 * @throws FlexetlError SCHEMA_MISMATCH for bounds of another type than the column
 */
export function outsideSql(column: Column, { min, max }: Bounds, check: string): string {
  const terms = [
    ...(min === undefined ? [] : [compileFilter(column, '<', min, check)]),
    ...(max === undefined ? [] : [compileFilter(column, '>', max, check)]),
  ];
  return `(${terms.join(' OR ')})`;
}

/** `at least 0`, `at most 9`, `0 to 9`. */
export function describeBounds({ min, max }: Bounds): string {
  if (min === undefined) return `at most ${max}`;
  if (max === undefined) return `at least ${min}`;
  return min === max ? `exactly ${min}` : `${min} to ${max}`;
}

/** `there is 1 row`, `there are 2,000 rows`. */
export function describeRows(rows: number): string {
  return rows === 1 ? 'there is 1 row' : `there are ${count(rows)} rows`;
}
