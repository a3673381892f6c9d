/** A table in a SQLite file: replaced as a whole, or appended to. */
import { relative, resolve } from 'node:path';
import { z } from 'zod';
import type { PluginContext } from '../plugin/context';
import { defineTarget } from '../plugin/target';
import { runInThread } from './sqlite/client';
import type { Destination } from './sqlite/messages';

const options = z.strictObject({
  database: z
    .string()
    .min(1)
    .describe('Path of the database file, relative to the project. The file and its folders are created.'),
  table: z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]{0,62}$/,
      'must be letters, digits and _, at most 63, not starting with a digit',
    )
    .regex(/^(?!sqlite_|_flexetl_)/i, 'must not start with sqlite_ or _flexetl_')
    .describe('Name of the table. It is created when absent.'),
  mode: z
    .enum(['replace', 'append'])
    .default('replace')
    .describe('replace: the table holds the rows of this run only. append: they are added to what is there.'),
});

type Options = z.infer<typeof options>;

/**
 * Rows go into a staging table of the same file, each part with its row in the ledger table `_flexetl_loads`
 * in one transaction; publishing is one more. Whatever is killed, at whatever moment, the next attempt goes on
 * from the ledger. A replaced table keeps its indexes and triggers; views on it go on working.
 */
export const sqlite = defineTarget<Options>({
  type: 'sqlite',
  description: 'A table in a SQLite database file.',
  options,

  name: ({ database, table }) => `${database}#${table}`,
  capabilities: { modes: ['replace', 'append'], lane: 'rows', transactional: true, parallelLoads: false },
  mode: ({ mode }) => mode,
  guarantee: ({ mode }) =>
    mode === 'replace'
      ? 'Readers see the old table until the new one is complete; a retry never doubles a row.'
      : 'Readers see all rows of a run at once or none; a retry or a second run with the same key adds none twice.',

  open(options, context) {
    const place = locate(options, context);
    const { scratchDir } = context;
    return {
      async check(schema) {
        await runInThread({ ...place, task: 'check', schema }, context);
      },
      load: (key, { batches: _, ...part }) =>
        runInThread({ ...place, task: 'load', schema: part.schema, key, part, scratchDir }, context),
      async publish(key, schema, rowsExpected) {
        const { rows } = await runInThread({ ...place, task: 'publish', schema, key, rowsExpected }, context);
        return { rows, inserted: rows, updated: 0 };
      },
      async discard(key) {
        await runInThread({ ...place, task: 'discard', key }, context);
      },
    };
  },
});

function locate({ database, table, mode }: Options, { projectDir }: PluginContext): Destination {
  const file = resolve(projectDir, database);
  const shownFile = relative(projectDir, file).startsWith('..') ? file : database;
  return { file, shownFile, table, mode };
}
