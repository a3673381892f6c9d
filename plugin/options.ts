/**
 * Options with a kind: secret, expression, aggregation, path or source. A plugin's options are a `z.strictObject`. A field made
 * with one of these functions is treated by its kind in every plugin, without a list of plugin names.
 */
import { z } from 'zod';

export type OptionKind = 'secret' | 'expression' | 'aggregation' | 'path' | 'source';

const KIND = 'flexetl';

/** `{secret: NAME}`: the value is looked up on the worker, by `context.secret`. */
export interface SecretName {
  secret: string;
}

const NO_VALUE =
  'found a value, expected {secret: NAME}: a secret is never written into a pipeline file. Set NAME, or NAME_FILE, in the environment of the workers.';

/** A secret: a pipeline file has only its name; a value is refused. */
export function secret() {
  return z
    .strictObject(
      {
        secret: z
          .string()
          .regex(
            /^[A-Za-z_][A-Za-z0-9_]*$/,
            'found another text, expected the name of an environment variable.',
          ),
      },
      // What was found must not be shown: it may be the secret.
      { error: ({ code, input }) => (code === 'invalid_type' && input !== undefined ? NO_VALUE : undefined) },
    )
    .meta({ [KIND]: 'secret' satisfies OptionKind });
}

/** The same for an option whose own name says that it names a secret, as `token_env: API_TOKEN`. */
export function secretEnv() {
  return z
    .string()
    .regex(/^[A-Z_][A-Z0-9_]*$/, {
      // What was found must not be shown: it may be the secret.
      error: () =>
        'found another text, expected the name of an environment variable, in capitals: a secret is never written into a pipeline file.',
    })
    .meta({ [KIND]: 'secret' satisfies OptionKind });
}

/** An expression over columns: its syntax is checked with the pipeline file, its columns by the plugin. */
export function expression() {
  return z.string().meta({ [KIND]: 'expression' satisfies OptionKind });
}

/** An expression with aggregates, as in `sum(quantity * unit_price)`. */
export function aggregation() {
  return z.string().meta({ [KIND]: 'aggregation' satisfies OptionKind });
}

/** A file, folder or glob, relative to the project. */
export function path() {
  return z
    .string()
    .min(1)
    .meta({ [KIND]: 'path' satisfies OptionKind });
}

/** Other data than the input: the section of a source, as under `source` of a pipeline. */
export function source() {
  return z
    .looseObject({ type: z.string().describe('The type of the source, with its own options beside it.') })
    .meta({ [KIND]: 'source' satisfies OptionKind });
}

/** `max_shrink`, for a target that has the mode replace: a result that is much smaller than what it replaces is refused. */
export function maxShrink() {
  return z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'For replace: the share of the existing rows that may be missing in the result, 0.2 is a fifth. With fewer rows, or none, nothing is published.',
    );
}

/**
 * The kind of a field of the options, or undefined for a plain one; also inside optional(), default() and describe().
 */
export function kindOfOption(field: z.ZodType): OptionKind | undefined {
  for (let inner: z.ZodType | undefined = field; inner; inner = unwrap(inner)) {
    const kind = inner.meta()?.[KIND];
    if (kind !== undefined) return kind as OptionKind;
  }
  return undefined;
}

function unwrap(field: z.ZodType): z.ZodType | undefined {
  return (field.def as { innerType?: z.ZodType }).innerType;
}
