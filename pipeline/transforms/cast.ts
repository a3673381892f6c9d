import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { RECORD_COLUMN, requireColumns, selectRows } from '../columns';
import { FlexetlError } from '../errors';
import { castExactly, keepTexts } from '../exact-cast';
import { ident } from '../sql';
import { formatType, parseType, type Column, type ColumnType } from '../types';

const TYPE_NAMES =
  'string, integer, float, boolean, date, timestamp or decimal(digits, digits after the point)';

const typeName = z
  .string()
  .refine((text) => typeof parseType(text) === 'object', {
    error: ({ input }) =>
      input === 'decimal'
        ? 'a cast to decimal needs its digits, such as decimal(18,2)'
        : `found ${JSON.stringify(input)}, expected ${TYPE_NAMES}`,
  })
  .describe(`The new type: ${TYPE_NAMES}.`);

/** Converts columns. A value that the new type does not hold exactly fails the run: nothing is rounded or truncated. */
export const cast = defineTransform({
  type: 'cast',
  description:
    'Converts columns to other types. A value that the new type cannot hold exactly fails the run with CAST_FAILED.',
  options: z.strictObject({
    columns: z.record(z.string(), typeName).describe('New types by column: {quantity: integer}.'),
  }),
  plan({ columns }, schema) {
    const casts = new Map(
      requireColumns(Object.keys(columns), schema, 'cast').map((column) => [
        column.name,
        planCast(column, parseType(columns[column.name] ?? '')),
      ]),
    );
    return {
      schema: schema.map((column) => {
        const cast = casts.get(column.name);
        return cast ? { ...column, type: cast.type, respelled: false } : column;
      }),
      scope: 'row',
      columnsRead: (outputs) => outputs,
      select: (input, there) =>
        selectRows(
          schema
            .filter(({ name }) => there.has(name))
            .map(({ name }) => `${casts.get(name)?.sql ?? ident(name)} AS ${ident(name)}`),
          input,
        ),
    };
  },
});

function planCast(
  { name, type: from, respelled }: Column,
  to: ColumnType | 'decimal' | undefined,
): { sql: string; type: ColumnType } {
  if (typeof to !== 'object') throw new FlexetlError('INTERNAL', { message: `cast: "${name}" has no type.` });
  if (to.kind === 'string' && respelled) {
    throw new FlexetlError('SCHEMA_MISMATCH', {
      message: `cast: "${name}" was read as ${formatType(from)}, its texts are not known any more.`,
      hint: keepTexts(name),
    });
  }
  const sql = castExactly(ident(name), from, to, name, ident(RECORD_COLUMN));
  if (sql !== undefined) return { sql, type: to };
  throw new FlexetlError('SCHEMA_MISMATCH', {
    message: `cast: cannot cast ${from.kind} to ${formatType(to)} (column "${name}").`,
    hint:
      from.kind === 'timestamp' || to.kind === 'date'
        ? 'Use derive with date(…).'
        : 'Cast it to string first.',
  });
}
