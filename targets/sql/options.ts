/** The options that every table has, whatever its database. */
import { z } from 'zod';

export interface TableOptions {
  table: string;
  mode: 'append' | 'replace' | 'merge';
  primary_key?: string[] | undefined;
}

/** To be spread into a `z.strictObject`, which {@link requireKey} then completes. */
export const tableOptions = {
  table: z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]{0,62}$/,
      'must be letters, digits and _, at most 63, not starting with a digit',
    )
    .regex(/^(?!_flexetl_)/i, 'must not start with _flexetl_')
    .describe('Name of the table. It is created if it does not exist.'),
  mode: z
    .enum(['replace', 'append', 'merge'])
    .default('replace')
    .describe(
      'replace: the table has only the rows of this run; keys, constraints and defaults of an existing table are kept. append: they are added to the existing rows. ' +
        'merge: rows whose `primary_key` exists are updated, the others are added.',
    ),
  primary_key: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('For merge: the columns that identify a row. A key in two rows of a run is an error.'),
};

/** For `superRefine` of the options. */
export function requireKey({ mode, primary_key }: TableOptions, context: z.RefinementCtx): void {
  if ((mode === 'merge') === (primary_key !== undefined)) return;
  const message =
    mode === 'merge'
      ? 'missing: mode merge needs the columns that identify a row.'
      : `only mode merge uses it, found mode ${mode}.`;
  context.addIssue({ code: 'custom', path: ['primary_key'], message });
}
