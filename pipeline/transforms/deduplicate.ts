import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { RECORD_COLUMN, columnList, requireColumns, selectRows, union } from '../columns';
import { ident } from '../sql';

/** Of rows with equal values in the columns it keeps the first or the last, in the order of records. */
export const deduplicate = defineTransform({
  type: 'deduplicate',
  description:
    'Keeps one of the rows with equal values in the columns (nulls are equal). The order of rows is kept.',
  options: z.strictObject({
    columns: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('Rows with the same values in these columns are duplicates; default all columns.'),
    keep: z
      .enum(['first', 'last'])
      .default('first')
      .describe('Which of the duplicates is kept, in the order of records.'),
  }),
  plan({ columns, keep }, schema) {
    const keys = (columns ? requireColumns(columns, schema, 'deduplicate') : schema).map(({ name }) => name);
    const record = ident(RECORD_COLUMN);
    const kept = keep === 'first' ? `min(${record})` : `max(${record})`;
    return {
      schema,
      scope: 'global',
      removes: 'deduplicated',
      passesRecord: true,
      columnsRead: (outputs) => union(outputs, keys),
      select: (input, there) => {
        const records = `SELECT ${kept} AS ${record} FROM ${input} GROUP BY ${keys.map(ident).join(', ')}`;
        return selectRows(columnList(schema, there), input, `SEMI JOIN (${records}) USING (${record})`);
      },
      orderBy: record,
    };
  },
});
