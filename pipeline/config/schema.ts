/**
 * The pipeline file as zod schemas: the one source of its types, its checks, its JSON Schema and its reference
 * docs. Sources, targets and transforms are the plugins handed in, selected by `type`.
 */
import { z } from 'zod';
import { FlexetlError } from '../errors';
import type { Check } from '../../plugin/check';
import type { Transform } from '../../plugin/transform';
import type { Target } from '../../plugin/target';
import type { Source } from '../../plugin/source';
import type { LettersUse } from '../dead-letter';
import { PIPELINE_NAME } from '../pipeline-name';
import { suggest } from '../suggest';
import { checkSettings, type CheckSettings } from '../checks/policy';
import { assertExpressions } from './expressions';
import { findOptions } from './find-options';
import { describeIssue, problemsOf, show } from './problems';
import { assertQueue } from './queue';
import { faultTolerance, monitoring, scalability, validation } from './sections';

/** A file is parsed once or twice: compiling its schema to code takes longer than parsing it. */
z.config({ jitless: true });

/** All plugins: those of FlexETL, and those of the modules that a pipeline file names. */
export interface Plugins {
  sources: readonly Source<unknown>[];
  targets: readonly Target<unknown>[];
  transforms: readonly Transform<unknown>[];
  checks: readonly Check<unknown>[];
}

/** A plugin as a pipeline uses it: its options have passed the plugin's own schema, defaults filled in. */
export interface PluginUse {
  type: string;
  options: Record<string, unknown>;
}

/** The source of a pipeline. */
export interface SourceUse extends PluginUse {
  /** Of a replay: the records are these, and the source only says how their texts are read. */
  letters?: LettersUse;
}

/** A check as a pipeline uses it. */
export interface CheckUse extends PluginUse {
  /** What every check has beside its own options; absent if none is set. */
  settings?: CheckSettings;
}

/** A pipeline, checked and complete; plain JSON. */
export type PipelineConfig = z.output<ReturnType<typeof createConfigSchema>>;

/** What the workflow must know of `fault_tolerance`. */
export type RetrySettings = Pick<PipelineConfig['fault_tolerance'], 'retry' | 'busy_timeout_seconds'>;

const TAG = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const TAG_EXPECTED = 'letters, digits, "_", "." and "-", at most 63, the first a letter or digit';

/** The canonical form: all sections side by side, `targets` as a list. `parse.ts` brings a file into it. */
export function createConfigSchema(plugins: Plugins) {
  const sections = z.strictObject({
    version: z
      .literal(['1.0', 1], {
        error: ({ input }) =>
          input === undefined
            ? 'missing, expected version: "1.0".'
            : `found ${show(input)}, expected "1.0", the only version.`,
      })
      .transform(() => '1.0' as const)
      .describe('The version of the file format: "1.0".'),
    name: z
      .string()
      .regex(PIPELINE_NAME, {
        error: ({ input }) =>
          `found ${show(input)}, expected letters, digits, "_", "." and "-", at most 100, the first a letter or digit.`,
      })
      .describe(
        'The name of the pipeline and of its workflow. Default: the name of the file, with its folders in configs/, as in finance/ledger.',
      ),
    tags: z
      .array(
        z.string().regex(TAG, { error: ({ input }) => `found ${show(input)}, expected ${TAG_EXPECTED}.` }),
      )
      .default([])
      .describe('Words to select pipelines by: `flexetl run --select tag:nightly`.'),
    owner: z.string().min(1).optional().describe('Who is asked about the pipeline.'),
    environments: z
      .record(z.string(), z.looseObject({}))
      .optional()
      .describe(
        'Sections by environment, merged over those of the file: `--env prod`, or FLEXETL_ENV, chooses one.',
      ),
    plugins: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Modules with your own plugins: files relative to the project, as in `./my-transform.js`, or names of installed packages.',
      ),
    source: pluginUnion(plugins.sources)
      .transform((use): SourceUse => use)
      .describe('Where the rows come from.'),
    transformations: z
      .array(pluginUnion(plugins.transforms))
      .default([])
      .describe('The steps applied to the rows, in this order.'),
    validation: validation
      .safeExtend({
        quality_checks: z
          .array(plugins.checks.length > 0 ? checkUnion(plugins.checks) : noCheck)
          .default([])
          .superRefine((uses, ctx) => assertReferences(uses, plugins, ctx))
          .describe('Checks of rows, and of the input as a whole.'),
      })
      .prefault({})
      .describe('What the input must look like.'),
    targets: z
      .array(pluginUnion(plugins.targets))
      .min(1)
      .superRefine((uses, ctx) => assertDistinct(uses, plugins, ctx))
      .describe('Where the result goes; `target:` with one section is the same as a list of one.'),
    fault_tolerance: faultTolerance
      .prefault({})
      .describe('Retries, what a run that failed goes on from, and where records go that cannot be loaded.'),
    scalability: scalability
      .prefault({})
      .describe('How the work is divided and how much memory it may take.'),
    monitoring: monitoring.prefault({}).describe('What a run writes to its log.'),
  });
  return sections.superRefine(assertQueue);
}

/** Where there are no checks. */
const noCheck: z.ZodType<CheckUse> = z.never();

type AnyPlugin = Plugins[keyof Plugins][number];

/** One of several plugins, selected by `type`; comes out as `{type, options}`. @param also keys beside its options */
function pluginUnion(plugins: readonly AnyPlugin[], also: z.ZodRawShape = {}) {
  const [first, ...others] = plugins.map((plugin) =>
    optionsOf(plugin)
      .safeExtend({ ...also, ...optionsOf(plugin).shape, type: z.literal(plugin.type) })
      .describe(plugin.description),
  );
  if (!first) throw new FlexetlError('INTERNAL', { message: 'A list of plugins is empty.' });
  return z
    .discriminatedUnion('type', [first, ...others])
    .transform(({ type, ...options }): PluginUse => ({ type: String(type), options }))
    .superRefine(({ type, options }, ctx) =>
      assertExpressions(optionsOf(findPlugin<AnyPlugin>(plugins, type)), options, ctx),
    );
}

/** One of several checks, with the keys that all checks have. */
function checkUnion(plugins: readonly AnyPlugin[]) {
  return pluginUnion(plugins, checkSettings.shape).transform(({ type, options }, ctx): CheckUse => {
    const shape = optionsOf(findPlugin<AnyPlugin>(plugins, type)).shape;
    const all = Object.entries(options);
    const own = all.filter(([key]) => Object.hasOwn(shape, key));
    const settings = Object.fromEntries(all.filter(([key]) => !Object.hasOwn(shape, key)));
    assertExpressions(checkSettings, settings, ctx);
    return {
      type,
      options: Object.fromEntries(own),
      ...(Object.keys(settings).length > 0 && { settings }),
    };
  });
}

/** The options of a plugin as the object schema that it must be. */
export function optionsOf(plugin: AnyPlugin): z.ZodObject {
  if (plugin.options instanceof z.ZodObject) return plugin.options;
  throw new FlexetlError('INTERNAL', {
    message: `The options of "${plugin.type}" are not a z.strictObject.`,
  });
}

function assertDistinct(uses: readonly PluginUse[], plugins: Plugins, ctx: z.RefinementCtx): void {
  const seen = new Map<string, number>();
  uses.forEach((use, index) => {
    // A target with problems, which are reported already, is here as it was written.
    if (!Object.hasOwn(use, 'options')) return;
    const target = findPlugin(plugins.targets, use.type);
    const name = target.name(use.options);
    const place = target.place(use.options);
    const file = place.path === undefined ? target.type : plainPath(place.path);
    const key = JSON.stringify([file, place.name]);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, index);
    else {
      const message = `writes to ${name}, as targets.${before} does, expected another place.`;
      ctx.addIssue({ code: 'custom', path: [index], message });
    }
  });
}

/** Sections of sources in the options of checks must be such sections. */
function assertReferences(uses: readonly PluginUse[], plugins: Plugins, ctx: z.RefinementCtx): void {
  const section = pluginUnion(plugins.sources);
  uses.forEach((use, index) => {
    if (!Object.hasOwn(use, 'options')) return;
    const { options } = findPlugin<AnyPlugin>(plugins.checks, use.type);
    for (const { kind, path, value } of findOptions(options, use.options)) {
      const found = kind === 'source' ? section.safeParse(value, { error: describeIssue }) : undefined;
      for (const problem of problemsOf(found?.error?.issues ?? [], value, [index, ...path]))
        ctx.addIssue({ code: 'custom', path: [...problem.path], message: problem.message });
    }
  });
}

/** The same for all spellings of a path that can be told without looking at the disk. */
function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + parts.join('/');
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
    hint: near && `Did you mean "${near}"?`,
  });
}
