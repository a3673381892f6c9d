import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { assertColumnNames, columnList, requireColumns, selectRows } from '../columns';

/** Keeps the named columns, in the order in which they are named. */
export const select = defineTransform({
  type: 'select',
  description: 'Keeps only the named columns, in this order.',
  options: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns to keep, in the order of the output.'),
  }),
  plan({ columns }, schema) {
    const kept = requireColumns(columns, schema, 'select');
    assertColumnNames(columns, 'select');
    return {
      schema: kept,
      scope: 'row',
      columnsRead: (outputs) => new Set(columns.filter((name) => outputs.has(name))),
      select: (input, there) => selectRows(columnList(kept, there), input),
    };
  },
});
