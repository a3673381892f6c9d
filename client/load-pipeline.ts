/** The pipelines that a command line names: by name, by file, all of them, or by a tag. */
import { resolve } from 'node:path';
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import { suggest } from '../pipeline/suggest';
import { environmentOf, parseWithOrigins } from '../engine/resolve-config';
import {
  addressOf,
  listPipelines,
  noProject,
  readPipelineFile,
  type PipelineAddress,
  type PipelineFile,
} from '../runtime/config-file';
import type { Settings } from '../runtime/settings';
import { PLUGINS } from '../worker/plugins';
import type { CommandContext } from './context';

export interface PipelineOptions {
  config?: string;
  set?: readonly string[];
  /** The environment whose values are used; default: FLEXETL_ENV. */
  env?: string;
}

export interface SelectOptions extends PipelineOptions {
  /** Every pipeline of the project. */
  all?: boolean;
  /** As in `tag:nightly`. */
  select?: readonly string[];
}

/** A pipeline as it was written, and resolved with the environment of this process. */
export interface LoadedPipeline extends PipelineFile {
  overrides: readonly string[];
  environment: string | undefined;
  config: PipelineConfig;
  /** Values that are not those of the file itself, and where they are from. */
  origins: readonly { path: string; from: string }[];
}

/** @throws FlexetlError USAGE, CONFIG_INVALID */
export async function loadPipeline(
  context: CommandContext,
  name: string | undefined,
  options: PipelineOptions,
): Promise<LoadedPipeline> {
  const [asked] = await selectPipelines(context, name === undefined ? [] : [name], options);
  return asked.load();
}

/** A pipeline that is asked for; its file is not read yet. */
export interface AskedPipeline {
  /** As messages name it. */
  name: string;
  /**
   * @param env its variables; default: those of the settings
   * @throws FlexetlError CONFIG_INVALID
   */
  load(env?: Settings['env']): Promise<LoadedPipeline>;
}

type AtLeastOne<T> = readonly [T, ...T[]];

/**
 * Each only once.
 * @throws FlexetlError USAGE when none is asked for, or those that are asked for do not exist
 */
export async function selectPipelines(
  context: CommandContext,
  names: readonly string[],
  options: SelectOptions,
): Promise<AtLeastOne<AskedPipeline>> {
  const { settings, cwd } = context;
  const { config, all = false, select = [] } = options;
  const ways = [
    names.length > 0 && `a name ("${names[0]}")`,
    config !== undefined && `--config ${config}`,
    all && '--all',
    select.length > 0 && '--select',
  ].filter((way) => way !== false);
  if (ways.length > 1) {
    throw new FlexetlError('USAGE', {
      message: `Both ${ways[0]} and ${ways[1]} are given.`,
      hint: 'Give one of them.',
    });
  }
  const ask = (address: PipelineAddress): AskedPipeline => ({
    name: 'name' in address ? address.name : address.path,
    load: (env = settings.env) => load({ ...settings, env }, address, options),
  });
  if (config !== undefined) return [ask({ path: resolve(cwd, config) })];
  const known = names.length > 0 ? [] : await listPipelines(settings.projectDir);
  const every = known.map((name) => ask({ name }));
  const named = names.map((name) => ask(addressOf(name, settings.projectDir, cwd)));
  const asked = select.length > 0 ? await selectByTag(every, select) : all ? every : named;
  const [first, ...others] = new Map(asked.map((one) => [one.name, one])).values();
  if (first) return [first, ...others];
  throw new FlexetlError('USAGE', {
    message: known.length > 0 ? 'No pipeline is named.' : 'There are no pipelines.',
    hint:
      known.length > 0
        ? `Name one of: ${known.join(', ')}; or a file with --config.`
        : noProject(settings.projectDir),
  });
}

/** One whose file is invalid is kept: it may have the tag, and its problems are then shown. */
async function selectByTag(
  every: readonly AskedPipeline[],
  select: readonly string[],
): Promise<AskedPipeline[]> {
  const tags = select.map(parseTag);
  const found: AskedPipeline[] = [];
  const known = new Set<string>();
  for (const asked of every) {
    const loaded = await asked.load().catch((error: unknown) => {
      if (error instanceof FlexetlError) return undefined;
      throw error;
    });
    loaded?.config.tags.forEach((tag) => known.add(tag));
    if (!loaded || loaded.config.tags.some((tag) => tags.includes(tag))) found.push(asked);
  }
  const unknown = tags.find((tag) => !known.has(tag));
  if (unknown === undefined) return found;
  const near = suggest(unknown, known);
  throw new FlexetlError('USAGE', {
    message: `No pipeline has the tag "${unknown}".`,
    hint:
      near !== undefined
        ? `Did you mean tag:${near}?`
        : `The tags are: ${[...known].sort().join(', ') || 'none; write tags: [nightly] into a pipeline file'}.`,
  });
}

function parseTag(selector: string): string {
  const [, tag] = /^tag:(.+)$/.exec(selector) ?? [];
  if (tag !== undefined) return tag;
  throw new FlexetlError('USAGE', {
    message: `--select is ${JSON.stringify(selector)}.`,
    hint: 'Give a tag, as in --select tag:nightly.',
  });
}

async function load(
  settings: Settings,
  address: PipelineAddress,
  { set: overrides = [], env = environmentOf(settings) }: PipelineOptions,
): Promise<LoadedPipeline> {
  const written = { ...(await readPipelineFile(address, settings.projectDir)), overrides, environment: env };
  const parsed = parseWithOrigins({ settings, plugins: PLUGINS }, written);
  // The last one that says something of a value is where it is from.
  const origins = new Map(parsed.overrides.map(({ path, label }) => [path.join('.'), label]));
  const all = [...origins].map(([path, from]) => ({ path, from }));
  return { ...written, config: parsed.config, origins: all };
}
