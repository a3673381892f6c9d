/**
 * Grouping part by part, in the pass that reads the rows.
 *
 * If rows are only dropped and filtered before they are grouped, a part can be staged as partial groups, which are far
 * fewer than its rows; writing a row costs as much as grouping it. The boundary that a row reaches is another key, so
 * removed rows form separate groups, and the rows of every step are counted at no extra cost. Parts staged
 * as groups and parts staged as rows are merged by one query, see `transform-sql.ts`.
 */
import type { PartialPlan } from '../../plugin/transform';
import { REACHED_COLUMN, REJECTED_COLUMN, ROWS_COLUMN } from '../columns';
import { LIMITS } from '../limits';
import { ident } from '../sql';
import { stagedColumn } from '../stage-sql';
import { neededAtBoundaries, type PlannedStep } from './plan';

export interface PartialGroups {
  /** Place of the grouping step, which is also the boundary before it. */
  index: number;
  keys: readonly string[];
  /** Columns that must hold one value in each group of a part. */
  uniform: readonly string[];
  /**
   * The partial groups of a part. May fail with VALUE_OVERFLOW, DIVISION_BY_ZERO or CAST_FAILED: the part must then
   * be staged as rows.
   * @param rows a relation of typed rows with `REJECTED_COLUMN`, in any order
   */
  sql(rows: string): string;
  /**
   * One row about the partial groups of a part: `rows` read, `rejected` among them, and `uniform`. If that is false,
   * a column of {@link uniform} has several values in a group: the order of records matters, the groups are wrong, and
   * the part must be staged as rows.
   */
  checkSql(groups: string): string;
}

/** The boundary of rejected rows. */
const REJECTED = -1;

const reached = ident(REACHED_COLUMN);
const rowsColumn = ident(ROWS_COLUMN);

/** @returns undefined where the parts must be staged as rows */
export function planPartialGroups(planned: readonly PlannedStep[]): PartialGroups | undefined {
  const index = planned.findIndex(({ plan }) => plan.scope === 'global');
  const partial = planned[index]?.plan.partial;
  const before = planned.slice(0, index);
  if (!partial || !before.every(({ plan }) => plan.keeps !== undefined)) return undefined;
  const outputs = planned.at(-1)?.plan.schema.map(({ name }) => name) ?? [];
  const columns = neededAtBoundaries(planned, outputs)[index] ?? new Set();
  const uniform = partial.uniform(columns);
  return {
    index,
    keys: partial.keys,
    uniform,
    sql: (rows) => {
      const counted = `(SELECT *, ${reachedSql(before, index)} AS ${reached} FROM (${rows}))`;
      const terms = [...groupTerms(columns, [...partial.keys, ...uniform], index), reached];
      const groups = partial.group(`(SELECT ${terms.join(', ')} FROM ${counted})`, columns, REACHED_COLUMN);
      return `SELECT *${renameSql(partial.keys, 'staged')} FROM (${groups})`;
    },
    checkSql: (groups) => {
      const rowsOf = (filter: string): string => `coalesce(sum(${rowsColumn})${filter}, 0)::DOUBLE`;
      const complete = `${reached} = ${index}`;
      const by =
        partial.keys.length > 0
          ? `GROUP BY ${partial.keys.map((_, place) => stagedColumn(place)).join(', ')}`
          : 'LIMIT 1';
      const distinct = `(SELECT count(*) FROM (SELECT 1 FROM ${groups} WHERE ${complete} ${by}))`;
      const isUniform = uniform.length === 0 ? 'true' : `count(*) FILTER (${complete}) = ${distinct}`;
      const rejected = rowsOf(` FILTER (${reached} = ${REJECTED})`);
      return `SELECT ${rowsOf('')} AS "rows", ${rejected} AS rejected, ${isUniform} AS uniform FROM ${groups}`;
    },
  };
}

/** In a staged part the keys are named by their places, as columns are; states have names of their own. */
function renameSql(keys: readonly string[], to: 'staged' | 'users'): string {
  const terms = keys.map((name, place) =>
    to === 'staged' ? `${ident(name)} AS ${stagedColumn(place)}` : `${stagedColumn(place)} AS ${ident(name)}`,
  );
  return terms.length === 0 ? '' : ` RENAME (${terms.join(', ')})`;
}

/** The boundary that a row reaches: the first step that removes it, else the grouping. */
function reachedSql(before: readonly PlannedStep[], index: number): string {
  const falls = before.map(({ plan }, boundary) => `WHEN (${plan.keeps}) IS NOT TRUE THEN ${boundary}`);
  return `CAST(CASE WHEN ${ident(REJECTED_COLUMN)} THEN ${REJECTED} ${falls.join(' ')} ELSE ${index} END AS SMALLINT)`;
}

/** The keys of removed rows are null, so that they form one group, not one for each key. */
function groupTerms(columns: ReadonlySet<string>, groupedBy: readonly string[], index: number): string[] {
  return [...columns].map((name) =>
    groupedBy.includes(name)
      ? `CASE WHEN ${reached} = ${index} THEN ${ident(name)} END AS ${ident(name)}`
      : ident(name),
  );
}

/**
 * The partial groups of parts, and the rows of others, as one relation for `PartialPlan.merge`.
 * @param groups a relation of the groups of several parts, with record numbers
 * @param rows a relation of rows that come as far as the grouping
 */
export function groupsOf(
  partial: PartialPlan,
  index: number,
  groups: string,
  rows: string,
  columns: ReadonlySet<string>,
  fast: boolean,
): string {
  const complete = `SELECT * EXCLUDE (${reached})${renameSql(partial.keys, 'users')} FROM ${groups} WHERE ${reached} = ${index}`;
  return `(${complete} UNION ALL BY NAME ${partial.groupEach(rows, columns, fast)})`;
}

/** `rows_<boundary>` of a relation of partial groups: the rows that reach it or a later one. */
export function countGroups(groups: string, boundaries: readonly number[]): string {
  const terms = boundaries.map(
    (boundary) =>
      `CAST(coalesce(sum(${rowsColumn}) FILTER (${reached} >= ${boundary}), 0) AS BIGINT) AS rows_${boundary}`,
  );
  return `SELECT ${terms.join(', ')} FROM ${groups}`;
}

/**
 * Estimates from a sample whether partial groups are worthwhile. A wrong estimate costs time, never correctness.
 *
 * They are where a group stands for at least `LIMITS.rowsPerGroupMin` rows of a part, and no group of the sample has
 * several values where one is needed. The number of groups is estimated as the product of the distinct values of each
 * key, as if the records were a random sample.
 * @param columns names of the values of a record
 * @param partRows rows of a part, about
 */
export function looksWorthwhile(
  { keys, uniform }: Pick<PartialGroups, 'keys' | 'uniform'>,
  columns: readonly string[],
  sample: readonly (readonly (string | null)[])[],
  partRows: number,
): boolean {
  const pick = (names: readonly string[]): string[] =>
    sample.map((record) => JSON.stringify(names.map((name) => record[columns.indexOf(name)] ?? null)));
  const [groups, pairs] = [new Set(pick(keys)), new Set(pick([...keys, ...uniform]))];
  if (pairs.size > groups.size) return false;
  const estimates = keys.map((key) => estimateDistinct(new Set(pick([key])).size, sample.length));
  const distinct = estimates.reduce((product, one) => product * one, 1);
  return distinctIn(partRows, distinct) * LIMITS.rowsPerGroupMin <= partRows;
}

/** The expected number of distinct values in a number of random draws, of so many equally likely values. */
function distinctIn(draws: number, values: number): number {
  return Number.isFinite(values) ? values * -Math.expm1(-draws / values) : draws;
}

/** The inverse of {@link distinctIn}: the number of values, given the distinct ones found; by bisection. */
function estimateDistinct(found: number, draws: number): number {
  if (found === draws) return Infinity;
  let [low, high] = [found, draws ** 2];
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (distinctIn(draws, middle) < found) low = middle;
    else high = middle;
  }
  return high;
}
