import { z } from 'zod';
import { expression } from '../../plugin/options';
import { defineTransform } from '../../plugin/transform';
import { assertColumnNames, selectRows, union } from '../columns';
import { compileExpression } from '../expression';
import { ident } from '../sql';
import type { Column } from '../types';

/** Computes columns from those before the step; a column of the same name is replaced in its place. */
export const derive = defineTransform({
  type: 'derive',
  description:
    'Computes columns from the columns before the step; an existing column of that name is replaced.',
  options: z.strictObject({
    columns: z
      .record(z.string(), expression())
      .describe('Expressions by column: {revenue: quantity * unit_price}.'),
  }),
  plan({ columns }, schema) {
    const derived = new Map(
      Object.entries(columns).map(([name, text]) => [name, compileExpression(text, schema)] as const),
    );
    const output: Column[] = [
      ...schema.map((column) => typed(column.name) ?? column),
      ...[...derived.keys()]
        .filter((name) => !schema.some((column) => column.name === name))
        .map((name) => typed(name)),
    ].filter((column) => column !== undefined);
    assertColumnNames(
      output.map(({ name }) => name),
      'derive',
    );
    function typed(name: string): Column | undefined {
      const expression = derived.get(name);
      return expression && { name, type: expression.type };
    }
    return {
      schema: output,
      scope: 'row',
      columnsRead: (outputs) => union(...[...outputs].map((name) => derived.get(name)?.columns ?? [name])),
      select: (input, there) => {
        const terms = output.flatMap(({ name }) => {
          const expression = derived.get(name);
          if (!expression) return there.has(name) ? [ident(name)] : [];
          const computable = [...expression.columns].every((column) => there.has(column));
          return computable ? [`${expression.sql} AS ${ident(name)}`] : [];
        });
        return selectRows(terms, input);
      },
    };
  },
});
