import { z } from 'zod';
import { aggregation } from '../../plugin/options';
import { defineTransform, type PartialPlan } from '../../plugin/transform';
import { assertColumnNames, RECORD_COLUMN, requireColumns, ROWS_COLUMN, union } from '../columns';
import { FlexetlError } from '../errors';
import { compileAggregate, type Compiled } from '../expression';
import { withoutNegativeZero } from '../expression/aggregates';
import { ident } from '../sql';
import type { Schema } from '../types';

/** One row per group, ordered by the columns of the groups, nulls last; nulls form a group of their own. */
export const aggregate = defineTransform({
  type: 'aggregate',
  description: 'Makes one row of each group of rows; without group_by, one row of all.',
  options: z.strictObject({
    group_by: z
      .array(z.string())
      .default([])
      .describe(
        'Rows with the same values here form a group; nulls count as the same. Empty: one group of all.',
      ),
    aggregations: z
      .record(z.string(), aggregation())
      .default({})
      .describe(
        'Expressions by output column, over sum, avg, min, max, count, count_distinct, first, last: {revenue: sum(quantity * unit_price)}.',
      ),
  }),
  plan({ group_by, aggregations }, schema) {
    const groups = requireColumns(group_by, schema, 'aggregate');
    const texts = Object.entries(aggregations);
    assertColumnNames([...group_by, ...texts.map(([name]) => name)], 'aggregate');
    if (groups.length + texts.length === 0) {
      throw new FlexetlError('CONFIG_INVALID', {
        message: 'aggregate: expected group_by, aggregations or both.',
      });
    }
    const compileAll = (fast: boolean): Named[] =>
      texts.map(([name, text], place) => {
        return { name, ...compileAggregate(text, schema, new Set(group_by), { fast, place }) };
      });
    const [exact, quick] = [compileAll(false), compileAll(true)];
    const termsThere = (there: ReadonlySet<string>, fast: boolean): Named[] =>
      (fast ? quick : exact).filter(({ columns }) => [...columns].every((name) => there.has(name)));
    const keys = groups.map(({ name, type }) => withoutNegativeZero(ident(name), type));
    const orderBy = groups.map(({ name }) => `${ident(name)} ASC NULLS LAST`).join(', ');
    return {
      schema: [...groups, ...exact.map(({ name, type }) => ({ name, type }))],
      scope: 'global',
      removes: 'aggregated',
      countsRows: true,
      needs: (outputs) =>
        union(group_by, ...exact.filter(({ name }) => outputs.has(name)).map(({ columns }) => columns)),
      select: (input, there, fast = false) => {
        const terms = termsThere(there, fast).map(({ name, sql }) => `${sql} AS ${ident(name)}`);
        return groupSql(input, group_by, keys, [...terms, `count(*) AS ${rows}`]);
      },
      ...(groups.length > 0 && { orderBy }),
      ...planPartial(schema, group_by, keys, exact, termsThere),
    };
  },
});

type Named = Compiled & { name: string };

const rows = ident(ROWS_COLUMN);

function planPartial(
  schema: Schema,
  groupBy: readonly string[],
  keys: readonly string[],
  exact: readonly Named[],
  termsThere: (there: ReadonlySet<string>, fast: boolean) => readonly Named[],
): { partial?: PartialPlan } {
  const ordered = requireColumns([...union(...exact.map((one) => one.ordered))], schema, 'aggregate');
  // 0 and -0 are one value to GROUP BY and two to a user: which of them comes first is for the records to say.
  const isPartial = exact.every(({ merged }) => merged) && ordered.every(({ type }) => type.kind !== 'float');
  if (!isPartial) return {};
  const uniform = (there: ReadonlySet<string>): string[] =>
    [...union(...termsThere(there, true).map((one) => one.ordered))].filter(
      (name) => !groupBy.includes(name),
    );
  const states = (there: ReadonlySet<string>, fast: boolean, value: 'ofRow' | 'ofRows'): string[] =>
    termsThere(there, fast)
      .flatMap(({ merged }) => merged?.states ?? [])
      .map((state) => `CAST(${state[value]} AS ${state.storedAs}) AS ${ident(state.column)}`);
  return {
    partial: {
      keys: groupBy,
      uniform,
      group: (input, there, by) => {
        const terms = [...states(there, true, 'ofRows'), `count(*) AS ${rows}`, ident(by)];
        return groupSql(input, groupBy, keys, terms, [ident(by), ...uniform(there).map(ident)]);
      },
      groupEach: (input, there, fast) => {
        const terms = [...states(there, fast, 'ofRow'), `CAST(1 AS BIGINT) AS ${rows}`];
        return `SELECT ${[...groupBy.map(ident), ...terms, ident(RECORD_COLUMN)].join(', ')} FROM ${input}`;
      },
      merge: (input, there, fast) => {
        const terms = termsThere(there, fast).map(({ name, merged }) => `${merged?.sql} AS ${ident(name)}`);
        return groupSql(input, groupBy, keys, [
          ...terms,
          `CAST(coalesce(sum(${rows}), 0) AS BIGINT) AS ${rows}`,
        ]);
      },
    },
  };
}

/** @param silently terms to group by as well that are not put out */
function groupSql(
  input: string,
  names: readonly string[],
  keys: readonly string[],
  terms: readonly string[],
  silently: readonly string[] = [],
): string {
  const named = keys.map((key, index) => `${key} AS ${ident(names[index] ?? '')}`);
  const by = [...keys, ...silently];
  const grouped = by.length === 0 ? '' : ` GROUP BY ${by.join(', ')}`;
  return `SELECT ${[...named, ...terms].join(', ')} FROM ${input}${grouped}`;
}
