import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { columnList, requireColumn, selectRows, union } from '../columns';
import { CONDITION_OPERATORS, compileFilter } from '../condition';
import { explainPattern } from '../expression/pattern';
import { LIMITS } from '../limits';

const TAKES: Readonly<Record<string, string>> = {
  in: 'a list',
  not_in: 'a list',
  is_null: 'no value',
  is_not_null: 'no value',
};
const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** Keeps the rows for which a column meets a condition; a null meets only `is_null`. */
export const filter = defineTransform({
  type: 'filter',
  description: 'Keeps rows whose column meets the condition. A null meets only is_null.',
  options: z
    .strictObject({
      column: z.string().describe('The column to compare.'),
      operator: z
        .enum(CONDITION_OPERATORS)
        .describe(
          'How the column is compared with the value. Text is compared byte by byte; matches finds a regular expression (RE2) anywhere in the text.',
        ),
      value: z
        .union([scalar, z.array(scalar).min(1).max(LIMITS.listValuesMax)])
        .optional()
        .describe(
          'A value of the column’s type; a list for in and not_in; absent for is_null and is_not_null.',
        ),
    })
    .superRefine(({ operator, value }, context) => {
      const wanted = TAKES[operator] ?? 'one value';
      const found = value === undefined ? 'no value' : Array.isArray(value) ? 'a list' : 'one value';
      const wrong = operator === 'matches' && typeof value === 'string' ? explainPattern(value) : undefined;
      if (wrong !== undefined)
        context.addIssue({ code: 'custom', path: ['value'], message: `the pattern ${wrong}` });
      if (found === wanted) return;
      context.addIssue({
        code: 'custom',
        path: ['value'],
        message: `${operator} takes ${wanted}, found ${found}`,
      });
    }),
  plan({ column: name, operator, value }, schema) {
    const column = requireColumn(name, schema, 'filter');
    const keeps = compileFilter(column, operator, value);
    return {
      schema,
      scope: 'row',
      removes: 'filtered',
      keeps,
      columnsRead: (outputs) => union(outputs, [name]),
      select: (input, there) => selectRows(columnList(schema, there), input, `WHERE ${keeps}`),
    };
  },
});
