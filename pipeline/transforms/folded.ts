/** The other end of `fold.ts`: staged groups take the place of the rows that they stand for. */
import { REACHED_COLUMN, ROWS_COLUMN } from '../plugin';
import { ident } from '../sql';
import type { PlannedStep, TransformStatement } from './plan';

const reached = ident(REACHED_COLUMN);
const rows = ident(ROWS_COLUMN);

/**
 * Counts the rows at every boundary up to the grouping.
 * @param groups the relation of staged groups
 * @param index place of the grouping step
 */
export function countGroups(groups: string, index: number): TransformStatement {
  const boundaries = Array.from({ length: index + 1 }, (_, boundary) => boundary);
  const counts = boundaries.map((boundary) => ({ boundary, column: `rows_${boundary}` }));
  const terms = counts.map(
    ({ boundary, column }) =>
      `CAST(coalesce(sum(${rows}) FILTER (${reached} >= ${boundary}), 0) AS BIGINT) AS ${column}`,
  );
  return { sql: `SELECT ${terms.join(', ')} FROM ${groups}`, counts };
}

/** The table that the grouping step would have made of the rows. */
export function createTableOfGroups(
  table: string,
  { index, plan }: PlannedStep,
  columns: readonly string[],
  groups: string,
): TransformStatement {
  const order = plan.orderBy === undefined ? '' : ` ORDER BY ${plan.orderBy}`;
  const select = `SELECT ${[...columns, rows].join(', ')} FROM ${groups} WHERE ${reached} = ${index}${order}`;
  return { sql: `CREATE TEMP TABLE ${table} AS ${select}`, counts: [] };
}
