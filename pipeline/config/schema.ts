/**
 * The pipeline file as zod schemas: the one source of its types, its checks, its JSON Schema and its reference
 * docs. Sources, targets and transforms are the plugins handed in, told apart by `type`.
 */
import { z } from 'zod';
import { FlexetlError } from '../errors';
import type { Source, Target, Transform } from '../plugin';
import { suggest } from '../suggest';
import { parseType } from '../types';
import { show } from './problems';

/** The explicit lists of `sources/`, `targets/` and `pipeline/transforms/`. */
export interface Plugins {
  sources: readonly Source<unknown>[];
  targets: readonly Target<unknown>[];
  transforms: readonly Transform<unknown>[];
}

/** A plugin as a pipeline uses it: its options have passed the plugin's own schema, defaults filled in. */
export interface PluginUse {
  type: string;
  options: Record<string, unknown>;
}

/** A pipeline, checked and complete; plain JSON. */
export type PipelineConfig = z.output<ReturnType<typeof createConfigSchema>>;

export const PIPELINE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** The canonical form: all sections side by side, `targets` as a list. `parse.ts` brings a file into it. */
export function createConfigSchema(plugins: Plugins) {
  return z.strictObject({
    version: z
      .literal(['1.0', 1], {
        error: ({ input }) =>
          input === undefined
            ? 'missing, expected version: "1.0".'
            : `found ${show(input)}, expected "1.0", the one version there is.`,
      })
      .transform(() => '1.0' as const)
      .describe('The version of the file format: "1.0".'),
    name: z
      .string()
      .regex(PIPELINE_NAME, {
        error: ({ input }) =>
          `found ${show(input)}, expected letters, digits, "_", "." and "-", at most 100, the first a letter or digit.`,
      })
      .describe('The name of the pipeline and of its workflow. Default: the name of the file.'),
    source: pluginUnion(plugins.sources).describe('Where the rows come from.'),
    transformations: z
      .array(pluginUnion(plugins.transforms))
      .default([])
      .describe('What is done to the rows, in this order.'),
    validation: validation.prefault({}).describe('What the input must look like.'),
    targets: z
      .array(pluginUnion(plugins.targets))
      .min(1)
      .superRefine((uses, ctx) => assertDistinct(uses, plugins, ctx))
      .describe('Where the result goes; `target:` with one section is the same as a list of one.'),
    fault_tolerance: faultTolerance.prefault({}).describe('What happens when something fails for a while.'),
    scalability: scalability
      .prefault({})
      .describe('How the work is divided and how much memory it may take.'),
    monitoring: monitoring.prefault({}).describe('What a run tells about itself.'),
  });
}

const typeName = z.string().refine((text) => parseType(text) !== undefined, {
  error: ({ input }) => {
    const near = suggest(String(input), TYPE_NAMES);
    const expected = `${TYPE_NAMES.join(', ')} or decimal(precision,scale) with at most 38 digits`;
    return `unknown column type ${show(input)}, expected ${expected}.${near ? ` Did you mean "${near}"?` : ''}`;
  },
});

const TYPE_NAMES = ['string', 'integer', 'float', 'decimal', 'boolean', 'date', 'timestamp'];

const validation = z.strictObject({
  schema: z
    .record(
      z.string().min(1),
      z.strictObject({
        type: typeName
          .optional()
          .describe(
            '`string`, `integer`, `float`, `decimal`, `decimal(p,s)`, `boolean`, `date` or `timestamp`. A value that does not fit fails the run. Without it the type follows from the values.',
          ),
        nullable: z.boolean().default(true).describe('Whether the column may hold nulls.'),
      }),
    )
    .default({})
    .describe('Columns of the input by name.'),
});

const faultTolerance = z.strictObject({
  retry: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether a failed step is tried again.'),
      max_attempts: z.int().min(1).max(100).default(3).describe('Attempts of one step, the first included.'),
      backoff_strategy: z
        .enum(['exponential', 'constant'], { error: ({ input }) => explainStrategy(input) })
        .default('exponential')
        .describe('`exponential`: each wait is longer by the multiplier. `constant`: all waits are equal.'),
      backoff_multiplier: z.number().min(1).max(100).default(2).describe('For `exponential`.'),
      initial_backoff_seconds: z
        .number()
        .min(0.001)
        .max(3600)
        .default(1)
        .describe('The wait before the second attempt.'),
      max_backoff_seconds: z.number().min(0.001).max(86_400).default(60).describe('No wait is longer.'),
    })
    .refine((retry) => retry.initial_backoff_seconds <= retry.max_backoff_seconds, {
      path: ['max_backoff_seconds'],
      error: 'shorter than initial_backoff_seconds, expected at least as long.',
    })
    .prefault({})
    .describe('Retries of steps that failed for a reason that may pass: a busy database, a lost worker.'),
});

function explainStrategy(input: unknown): string {
  const expected = 'expected one of exponential, constant.';
  if (input === 'fixed') return `found "fixed", ${expected} Did you mean "constant"?`;
  if (input === 'linear') return `found "linear", which Temporal does not know, ${expected}`;
  return `found ${show(input)}, ${expected}`;
}

const scalability = z.strictObject({
  processing: z
    .strictObject({
      mode: z
        .enum(['standard', 'chunked'], { error: ({ input }) => explainMode(input) })
        .optional()
        .describe(
          '`standard`: FlexETL chooses the chunks; input that fits in one is read in place. `chunked`: chunks of `chunk_size` records. Default: `chunked` where `chunk_size` is given, else `standard`. The result is the same.',
        ),
      chunk_size: z.int().min(1).optional().describe('Records in one chunk, about.'),
      parallel_workers: z
        .int()
        .min(1)
        .max(64)
        .optional()
        .describe('Chunks in work at the same time, over all workers.'),
    })
    .refine((processing) => !(processing.mode === 'standard' && processing.chunk_size !== undefined), {
      path: ['chunk_size'],
      error: 'has no effect in the mode "standard". Remove it, or set mode: chunked.',
    })
    .transform(({ mode, ...rest }) => ({
      mode: mode ?? (rest.chunk_size === undefined ? ('standard' as const) : ('chunked' as const)),
      ...rest,
    }))
    .prefault({})
    .describe('Chunks and parallel work.'),
  memory: z
    .strictObject({
      limit_mb: z
        .int()
        .min(64)
        .max(1_048_576)
        .optional()
        .describe('What the query engine of one step may take, in megabytes. Default: 400.'),
      spill_to_disk: z
        .boolean()
        .default(true)
        .describe('Whether work that does not fit goes to disk; without it such a run fails.'),
    })
    .prefault({})
    .describe('Memory of a worker.'),
});

function explainMode(input: unknown): string {
  return input === 'dask'
    ? 'found "dask", expected standard or chunked. Use chunked with parallel_workers: the work is spread over Temporal workers instead of Dask.'
    : `found ${show(input)}, expected one of standard, chunked.`;
}

const monitoring = z.strictObject({
  logging: z
    .strictObject({
      level: z
        .enum(['DEBUG', 'INFO', 'WARNING', 'ERROR'])
        .default('INFO')
        .describe('The least level that is logged.'),
      format: z.enum(['json', 'text']).default('text').describe('The form of the lines in the file.'),
      output: z
        .string()
        .min(1)
        .default('logs/flexetl.log')
        .describe('The log file, relative to the project.'),
      rotation: z.enum(['daily', 'none']).default('daily').describe('When a new file is begun.'),
    })
    .prefault({})
    .describe('The log file; the console shows the same.'),
});

type AnyPlugin = Plugins[keyof Plugins][number];

/** One of several plugins, told by `type`; comes out as `{type, options}`. */
function pluginUnion(plugins: readonly AnyPlugin[]) {
  const [first, ...others] = plugins.map((plugin) =>
    optionsOf(plugin)
      .safeExtend({ type: z.literal(plugin.type) })
      .describe(plugin.description),
  );
  if (!first) throw new FlexetlError('INTERNAL', { message: 'A list of plugins is empty.' });
  return z
    .discriminatedUnion('type', [first, ...others])
    .transform(({ type, ...options }): PluginUse => ({ type: String(type), options }));
}

/** The options of a plugin as the object schema that it must be. */
export function optionsOf(plugin: AnyPlugin): z.ZodObject {
  if (plugin.options instanceof z.ZodObject) return plugin.options;
  throw new FlexetlError('INTERNAL', { message: `The options of "${plugin.type}" are no z.strictObject.` });
}

function assertDistinct(uses: readonly PluginUse[], plugins: Plugins, ctx: z.RefinementCtx): void {
  const seen = new Map<string, number>();
  uses.forEach((use, index) => {
    const name = findPlugin(plugins.targets, use.type).name(use.options);
    const key = `${use.type}:${name}`;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, index);
    else {
      const message = `writes to ${name}, as targets.${before} does, expected another place.`;
      ctx.addIssue({ code: 'custom', path: [index], message });
    }
  });
}

/**
 * The plugin of a type.
 * @throws FlexetlError PLUGIN_UNKNOWN
 */
export function findPlugin<P extends { type: string }>(plugins: readonly P[], type: string): P {
  const plugin = plugins.find((one) => one.type === type);
  if (plugin) return plugin;
  const types = plugins.map((one) => one.type);
  const near = suggest(type, types);
  throw new FlexetlError('PLUGIN_UNKNOWN', {
    message: `Unknown type "${type}", expected one of ${types.join(', ')}.`,
    ...(near && { hint: `Did you mean "${near}"?` }),
  });
}
