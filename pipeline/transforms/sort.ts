import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { RECORD_COLUMN, columnList, requireColumns, selectRows, union } from '../columns';
import { ident } from '../sql';

/** Puts rows in order; rows that tie keep the order of records. */
export const sort = defineTransform({
  type: 'sort',
  description: 'Puts rows in order. Text is ordered byte by byte; equal rows keep the order of records.',
  options: z.strictObject({
    by: z
      .array(
        z.union([
          z.string(),
          z.strictObject({
            column: z.string().describe('The column.'),
            order: z.enum(['asc', 'desc']).default('asc').describe('Ascending or descending.'),
            nulls: z.enum(['first', 'last']).default('last').describe('Whether nulls come first or last.'),
          }),
        ]),
      )
      .min(1)
      .describe('Columns, the most important first: a name, or {column, order, nulls}.'),
  }),
  plan({ by }, schema) {
    const terms = by.map((term) =>
      typeof term === 'string' ? { column: term, order: 'asc', nulls: 'last' } : term,
    );
    const columns = requireColumns(
      terms.map(({ column }) => column),
      schema,
      'sort',
    ).map(({ name }) => name);
    const order = terms.map(({ column, order, nulls }) => {
      return `${ident(column)} ${order === 'desc' ? 'DESC' : 'ASC'} NULLS ${nulls === 'first' ? 'FIRST' : 'LAST'}`;
    });
    return {
      schema,
      scope: 'global',
      passesRecord: true,
      columnsRead: (outputs) => union(outputs, columns),
      select: (input, there) => selectRows(columnList(schema, there), input),
      orderBy: [...order, ident(RECORD_COLUMN)].join(', '),
    };
  },
});
