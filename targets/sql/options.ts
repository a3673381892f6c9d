/** The options that every table has, whatever its database. */
import { z } from 'zod';
import { maxShrink } from '../../plugin/options';

export interface TableOptions {
  table: string;
  mode: 'append' | 'replace' | 'merge';
  primary_key?: string[] | undefined;
  /** Default: freeze. */
  schema_contract?: 'evolve' | 'freeze' | undefined;
  max_shrink?: number | undefined;
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
    .describe(
      'For merge: the columns that identify a row. Of several rows of a run with one key the last counts.',
    ),
  schema_contract: z
    .enum(['evolve', 'freeze'])
    .optional()
    .describe(
      'When an existing table that keeps its definition lacks columns of the pipeline: freeze, the default, is an error, evolve adds them. Its other columns stay.',
    ),
  max_shrink: maxShrink(),
};

/** For `superRefine` of the options. */
export function requireKey({ mode, primary_key, max_shrink }: TableOptions, context: z.RefinementCtx): void {
  if (max_shrink !== undefined && mode !== 'replace') {
    const message = `only mode replace uses it, found mode ${mode}.`;
    context.addIssue({ code: 'custom', path: ['max_shrink'], message });
  }
  if ((mode === 'merge') === (primary_key !== undefined)) return;
  const message =
    mode === 'merge'
      ? 'missing: mode merge needs the columns that identify a row.'
      : `only mode merge uses it, found mode ${mode}.`;
  context.addIssue({ code: 'custom', path: ['primary_key'], message });
}
