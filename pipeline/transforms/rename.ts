import { z } from 'zod';
import { defineTransform } from '../../plugin/transform';
import { assertColumnNames, requireColumns, selectRows } from '../columns';
import { ident } from '../sql';

/** Gives columns new names. The order of columns is kept; two may swap their names. */
export const rename = defineTransform({
  type: 'rename',
  description: 'Renames columns; all others stay as they are.',
  options: z.strictObject({
    columns: z.record(z.string(), z.string()).describe('New names by old names: {old: new}.'),
  }),
  plan({ columns }, schema) {
    const renames = new Map(Object.entries(columns));
    requireColumns([...renames.keys()], schema, 'rename');
    const newName = (name: string): string => renames.get(name) ?? name;
    const renamed = schema.map((column) => ({ ...column, name: newName(column.name) }));
    assertColumnNames(
      renamed.map(({ name }) => name),
      'rename',
    );
    return {
      schema: renamed,
      scope: 'row',
      columnsRead: (outputs) =>
        new Set(schema.map(({ name }) => name).filter((name) => outputs.has(newName(name)))),
      select: (input, there) =>
        selectRows(
          schema
            .filter(({ name }) => there.has(name))
            .map(({ name }) => `${ident(name)} AS ${ident(newName(name))}`),
          input,
        ),
    };
  },
});
