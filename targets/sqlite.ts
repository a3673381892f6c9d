/** A table in a SQLite file: replaced as a whole, added to, or merged into. */
import { z } from 'zod';
import { path } from '../plugin/options';
import { defineTarget } from '../plugin/target';
import { requireKey, tableOptions } from './sql/options';
import { sqlTarget } from './sql/target';
import { sqliteDialect } from './sqlite/dialect';
import { openInThread } from './sqlite/thread-client';

const options = z
  .strictObject({
    database: path()
      .regex(/[^\s/]$/, 'must be the path of a file, found a blank or a slash at its end')
      .describe('Path of the database file, relative to the project. The file and its folders are created.'),
    ...tableOptions,
    table: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]{1,63}$/u, 'must be 1 to 63 characters, none of them a control character')
      .regex(/^(?!sqlite_|_flexetl_)/i, 'must not start with sqlite_ or _flexetl_')
      .describe(tableOptions.table.description ?? ''),
  })
  .superRefine(requireKey);

/**
 * A replaced table keeps its indexes, triggers, views, and the keys, constraints and defaults that its users have given
 * it. SQLite's calls block, so all of them are in a thread.
 */
export const sqlite = defineTarget<z.infer<typeof options>>({
  type: 'sqlite',
  description: 'A table in a SQLite database file.',
  options,
  ...sqlTarget(sqliteDialect),
  open: openInThread,
});
