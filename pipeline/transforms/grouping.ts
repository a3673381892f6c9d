/** The SQL of a grouping: over all rows, over the rows of a part, and over the partial groups of many parts. */
import type { PartialPlan, TransformPlan } from '../../plugin/transform';
import { RECORD_COLUMN, ROWS_COLUMN, union } from '../columns';
import type { Compiled } from '../expression';
import { withoutNegativeZero } from '../expression/aggregates';
import { ident } from '../sql';
import { findColumn, type Column, type Schema } from '../types';

export interface Aggregation extends Compiled {
  /** Of the output column. */
  name: string;
}

const rows = ident(ROWS_COLUMN);

/**
 * @param keys the columns that identify a group
 * @param aggregations in the exact and in the fast arithmetic
 */
export function planGrouping(
  keys: readonly Column[],
  schema: Schema,
  aggregations: { exact: readonly Aggregation[]; fast: readonly Aggregation[] },
): Pick<TransformPlan, 'select' | 'partial'> {
  const aggregationsOf = (there: ReadonlySet<string>, fast: boolean): readonly Aggregation[] =>
    aggregations[fast ? 'fast' : 'exact'].filter(({ columns }) =>
      [...columns].every((name) => there.has(name)),
    );
  const partial = planPartial(keys, schema, aggregations.exact, aggregationsOf);
  return {
    select: (input, there, fast = false) => {
      const terms = aggregationsOf(there, fast).map(({ name, sql }) => `${sql} AS ${ident(name)}`);
      return groupSql(input, keys, [...terms, `count(*) AS ${rows}`]);
    },
    ...(partial && { partial }),
  };
}

function planPartial(
  keys: readonly Column[],
  schema: Schema,
  exact: readonly Aggregation[],
  aggregationsOf: (there: ReadonlySet<string>, fast: boolean) => readonly Aggregation[],
): PartialPlan | undefined {
  // 0 and -0 are equal for GROUP BY but differ for a user, so first and last of floats need the order of records.
  const isFloat = (name: string): boolean => findColumn(schema, name)?.type.kind === 'float';
  if (!exact.every(({ merged, ordered }) => merged && ![...ordered].some(isFloat))) return undefined;
  const names = keys.map(({ name }) => name);
  const uniform = (there: ReadonlySet<string>): string[] =>
    [...union(...aggregationsOf(there, true).map(({ ordered }) => ordered))].filter(
      (name) => !names.includes(name),
    );
  const states = (there: ReadonlySet<string>, fast: boolean, value: 'ofRow' | 'ofRows'): string[] =>
    aggregationsOf(there, fast)
      .flatMap(({ merged }) => merged?.states ?? [])
      .map((state) => `CAST(${state[value]} AS ${state.storedAs}) AS ${ident(state.column)}`);
  return {
    keys: names,
    uniform,
    group: (input, there, by) => {
      const terms = [...states(there, true, 'ofRows'), `count(*) AS ${rows}`, ident(by)];
      return groupSql(input, keys, terms, [by, ...uniform(there)].map(ident));
    },
    groupEach: (input, there, fast) => {
      const terms = [...states(there, fast, 'ofRow'), `CAST(1 AS BIGINT) AS ${rows}`, ident(RECORD_COLUMN)];
      return `SELECT ${[...names.map(ident), ...terms].join(', ')} FROM ${input}`;
    },
    merge: (input, there, fast) => {
      const terms = aggregationsOf(there, fast).map(({ name, merged }) => `${merged?.sql} AS ${ident(name)}`);
      return groupSql(input, keys, [...terms, `CAST(coalesce(sum(${rows}), 0) AS BIGINT) AS ${rows}`]);
    },
  };
}

/** @param also further terms to group by, which are not in the output */
function groupSql(
  input: string,
  keys: readonly Column[],
  terms: readonly string[],
  also: readonly string[] = [],
): string {
  const values = keys.map(({ name, type }) => withoutNegativeZero(ident(name), type));
  const named = keys.map(({ name }, index) => `${values[index]} AS ${ident(name)}`);
  const by = [...values, ...also];
  const grouped = by.length === 0 ? '' : ` GROUP BY ${by.join(', ')}`;
  return `SELECT ${[...named, ...terms].join(', ')} FROM ${input}${grouped}`;
}
