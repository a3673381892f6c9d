import { z } from 'zod';
import { aggregation } from '../../plugin/options';
import { defineTransform } from '../../plugin/transform';
import { ROWS_COLUMN, assertColumnNames, requireColumns, union } from '../columns';
import { FlexetlError } from '../errors';
import { compileAggregate, type Compiled } from '../expression';
import { ident } from '../sql';

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
    const compileAll = (options: { lean?: boolean; unordered?: boolean }) =>
      texts.map(([name, text]) => ({ name, ...compileAggregate(text, schema, new Set(group_by), options) }));
    const [exact, quick] = [compileAll({}), compileAll({ lean: true })];
    const keys = group_by.map(ident);
    const uniform = (there: ReadonlySet<string>): string[] =>
      orderedColumns(termsThere(exact, there)).filter((name) => !group_by.includes(name));
    // 0 and -0 are one value to GROUP BY and two to a user: which of them comes first is for the records to say.
    const ordered = requireColumns(orderedColumns(exact), schema, 'aggregate');
    const isFoldable = keys.length > 0 && ordered.every(({ type }) => type.kind !== 'float');
    return {
      schema: [...groups, ...exact.map(({ name, type }) => ({ name, type }))],
      scope: 'global',
      removes: 'aggregated',
      countsRows: true,
      needs: (outputs) =>
        union(group_by, ...exact.filter(({ name }) => outputs.has(name)).map(({ columns }) => columns)),
      select: (input, there, lean = false) => groupSql(termsThere(lean ? quick : exact, there), input, keys),
      ...(keys.length > 0 && { orderBy: keys.map((key) => `${key} ASC NULLS LAST`).join(', ') }),
      ...(isFoldable && {
        unordered: {
          keys: group_by,
          uniform,
          computed: (there) => union(...termsThere(exact, there).map(({ columns }) => columns)),
          select: (input, there, by) => {
            const terms = termsThere(compileAll({ lean: true, unordered: true }), there);
            return groupSql(terms, input, [...keys, ident(by)], uniform(there).map(ident));
          },
        },
      }),
    };
  },
});

type Named = Compiled & { name: string };

/** @param silently terms to group by as well that are not put out */
function groupSql(
  compiled: readonly Named[],
  input: string,
  keys: readonly string[],
  silently: readonly string[] = [],
): string {
  const terms = compiled.map(({ name, sql }) => `${sql} AS ${ident(name)}`);
  const by = [...keys, ...silently];
  const grouped = by.length === 0 ? '' : ` GROUP BY ${by.join(', ')}`;
  return `SELECT ${[...keys, ...terms, `count(*) AS ${ident(ROWS_COLUMN)}`].join(', ')} FROM ${input}${grouped}`;
}

function termsThere(compiled: readonly Named[], there: ReadonlySet<string>): Named[] {
  return compiled.filter(({ columns }) => [...columns].every((name) => there.has(name)));
}

/** What `first` and `last` are about. */
function orderedColumns(compiled: readonly Named[]): string[] {
  return [...union(...compiled.map(({ ordered }) => ordered))];
}
