/** The other end of `fold.ts`: staged groups take the place of the rows that they stand for. */
import { REACHED_COLUMN, ROWS_COLUMN } from '../columns';
import { ident } from '../sql';
import type { PlannedStep, RowChain, TransformStatement } from './plan';

const reached = ident(REACHED_COLUMN);

/**
 * The grouping step over groups that are there already.
 * @param groups the relation of staged groups
 */
export function readGroups(groups: string, step: PlannedStep): { rows: RowChain; step: PlannedStep } {
  const select = (input: string): string => `SELECT * FROM ${input} WHERE ${reached} = ${step.index}`;
  return {
    rows: { with: '', output: groups, count: countGroups(groups, step.index) },
    step: { ...step, plan: { ...step.plan, select } },
  };
}

/** Counts the rows at every boundary up to the grouping: those that reach it or a later one. */
function countGroups(groups: string, index: number): TransformStatement {
  const boundaries = Array.from({ length: index + 1 }, (_, boundary) => boundary);
  const counts = boundaries.map((boundary) => ({ boundary, column: `rows_${boundary}` }));
  const terms = counts.map(
    ({ boundary, column }) =>
      `CAST(coalesce(sum(${ident(ROWS_COLUMN)}) FILTER (${reached} >= ${boundary}), 0) AS BIGINT) AS ${column}`,
  );
  return { sql: `SELECT ${terms.join(', ')} FROM ${groups}`, counts };
}
