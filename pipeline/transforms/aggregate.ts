import { z } from 'zod';
import { aggregation } from '../../plugin/options';
import { defineTransform } from '../../plugin/transform';
import { assertColumnNames, requireColumns, union } from '../columns';
import { FlexetlError } from '../errors';
import { compileAggregate } from '../expression';
import { ident } from '../sql';
import { planGrouping, type Aggregation } from './grouping';

/** One row per group, ordered by the columns of the groups, nulls last; nulls form a separate group. */
export const aggregate = defineTransform({
  type: 'aggregate',
  description: 'Makes one row of each group of rows. Without group_by, all rows are one group.',
  options: z.strictObject({
    group_by: z
      .array(z.string())
      .default([])
      .describe(
        'Rows with equal values in these columns form a group; nulls are equal. Empty: all rows are one group.',
      ),
    aggregations: z
      .record(z.string(), aggregation())
      .default({})
      .describe(
        'Expressions by output column, with sum, avg, min, max, count, count_distinct, first and last: {revenue: sum(quantity * unit_price)}.',
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
    const compileAll = (fast: boolean): Aggregation[] =>
      texts.map(([name, text], place) => {
        return { name, ...compileAggregate(text, schema, new Set(group_by), { fast, place }) };
      });
    const exact = compileAll(false);
    return {
      schema: [...groups, ...exact.map(({ name, type }) => ({ name, type }))],
      scope: 'global',
      removes: 'aggregated',
      countsRows: true,
      columnsRead: (outputs) =>
        union(group_by, ...exact.filter(({ name }) => outputs.has(name)).map(({ columns }) => columns)),
      ...planGrouping(groups, schema, { exact, fast: compileAll(true) }),
      ...(groups.length > 0 && {
        orderBy: group_by.map((name) => `${ident(name)} ASC NULLS LAST`).join(', '),
      }),
    };
  },
});
