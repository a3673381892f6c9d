import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { columnList, requireColumns, selectRows, union } from '../columns';
import { ident } from '../sql';

/** Drops each row that has a null in one of the columns. */
export const dropNulls = defineTransform({
  type: 'drop_nulls',
  description: 'Drops rows with a null in one of the columns; all columns unless some are named.',
  options: z.strictObject({
    columns: z.array(z.string()).min(1).optional().describe('Columns that must not be null; default all.'),
  }),
  plan({ columns }, schema) {
    const checked = columns ? requireColumns(columns, schema, 'drop_nulls') : schema;
    const keeps = checked.map(({ name }) => `${ident(name)} IS NOT NULL`).join(' AND ') || 'true';
    return {
      schema: schema.map((column) => (checked.includes(column) ? { ...column, nullable: false } : column)),
      scope: 'row',
      removes: 'dropped',
      keeps,
      columnsRead: (outputs) =>
        union(
          outputs,
          checked.map(({ name }) => name),
        ),
      select: (input, there) => selectRows(columnList(schema, there), input, `WHERE ${keeps}`),
    };
  },
});
