import { z } from 'zod';
import { assertColumnNames, requireColumns, union } from '../columns';
import { FlexetlError } from '../errors';
import { compileAggregate } from '../expression';
import { ROWS_COLUMN, defineTransform } from '../plugin';
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
      .record(z.string(), z.string())
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
    const compileAll = (lean: boolean) =>
      texts.map(([name, text]) => ({ name, ...compileAggregate(text, schema, new Set(group_by), lean) }));
    const [exact, quick] = [compileAll(false), compileAll(true)];
    const keys = group_by.map(ident);
    return {
      schema: [...groups, ...exact.map(({ name, type }) => ({ name, type }))],
      scope: 'global',
      removes: 'aggregated',
      countsRows: true,
      needs: (outputs) =>
        union(group_by, ...exact.filter(({ name }) => outputs.has(name)).map(({ columns }) => columns)),
      select: (input, there, lean = false) => {
        const terms = (lean ? quick : exact)
          .filter(({ columns }) => [...columns].every((name) => there.has(name)))
          .map(({ name, sql }) => `${sql} AS ${ident(name)}`);
        const grouped = keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`;
        return `SELECT ${[...keys, ...terms, `count(*) AS ${ident(ROWS_COLUMN)}`].join(', ')} FROM ${input}${grouped}`;
      },
      ...(keys.length === 0 ? {} : { orderBy: keys.map((key) => `${key} ASC NULLS LAST`).join(', ') }),
    };
  },
});
