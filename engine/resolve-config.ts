/** From a pipeline file as written to a checked pipeline: loads its modules and resolves `${…}`. */
import { z } from 'zod';
import { describeIssue, problemsOf } from '../pipeline/config/problems';
import { parsePipeline, type ParsedPipeline, type PipelineText } from '../pipeline/config/parse';
import type { PipelineConfig, Plugins } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import { readPipelineFile, type PipelineFile } from '../runtime/config-file';
import { loadPluginModules } from '../runtime/plugin-modules';
import type { Settings } from '../runtime/settings';
import type { Deps } from './deps';

type ConfigDeps = Pick<Deps, 'settings' | 'plugins'>;

const configRequest = z.strictObject({
  /** Of the pipeline. */
  name: z.string().min(1),
  /** The pipeline file as written; absent: configs/<name>.yaml on this machine. */
  text: z.string().optional(),
  /** As messages show it. */
  file: z.string().min(1).optional(),
  /** `a.b=c` of the command line, relative to `pipeline`. */
  overrides: z.array(z.string()).readonly().optional(),
  /** configs/defaults.yaml as written. */
  defaults: z.strictObject({ text: z.string(), file: z.string().min(1) }).optional(),
  /** Whose values of `environments` are used. */
  environment: z.string().min(1).optional(),
});

export type ConfigRequest = z.input<typeof configRequest>;

/**
 * Resolves the input of a workflow. Anyone can start a workflow, so the input is fully checked.
 * @throws FlexetlError USAGE for a request of another shape, CONFIG_INVALID
 */
export async function resolveConfig(deps: ConfigDeps, request: ConfigRequest): Promise<PipelineConfig> {
  const { name, text, file, overrides, defaults, environment } = parseRequest(request);
  const written =
    text === undefined
      ? {
          ...(await readPipelineFile({ name }, deps.settings.projectDir)),
          expectedName: name,
          environment: environment ?? environmentOf(deps.settings),
        }
      : { text, file: file ?? `configs/${name}.yaml`, defaultName: name, defaults, environment };
  const config = parseConfig(deps, { ...written, overrides: overrides ?? [] });
  if (config.name === name) return config;
  throw new FlexetlError('CONFIG_INVALID', {
    message: `The pipeline's name is "${config.name}", the workflow was started as "${name}".`,
    hint: 'Start it under its own name: its runs, reports and loads are kept by that name.',
  });
}

/** The environment that is chosen without `--env`. */
export function environmentOf({ env }: Pick<Settings, 'env'>): string | undefined {
  return env['FLEXETL_ENV'] || undefined;
}

type Written = Omit<PipelineFile, 'defaults'> &
  Pick<PipelineText, 'overrides' | 'defaultName' | 'defaults' | 'environment'>;

/** @throws FlexetlError CONFIG_INVALID with all problems of the file */
export function parseConfig(deps: ConfigDeps, written: Written): PipelineConfig {
  return parseWithOrigins(deps, written).config;
}

/** The same, with the values that are not those of the file itself. */
export function parseWithOrigins({ settings, plugins }: ConfigDeps, written: Written): ParsedPipeline {
  return parsePipeline({
    ...written,
    env: settings.env,
    plugins,
    loadPlugins: (modules, known) => loadPluginModules(modules, known, settings.projectDir),
  });
}

/**
 * All plugins that a pipeline may use, including those of its own modules.
 * @throws FlexetlError CONFIG_INVALID when a module cannot be loaded here, or any more
 */
export function pluginsOf(deps: ConfigDeps, { plugins: modules }: PipelineConfig): Plugins {
  const { plugins, problems } = loadPluginModules(modules, deps.plugins, deps.settings.projectDir);
  if (problems.length === 0) return plugins;
  throw new FlexetlError('CONFIG_INVALID', {
    message: problems.map(({ index, message }) => `plugins.${index}: ${message}`).join('\n'),
    hint: 'Workers need the same modules as the project that the pipeline comes from.',
  });
}

function parseRequest(request: unknown): z.output<typeof configRequest> {
  const result = configRequest.safeParse(request, { error: describeIssue });
  if (result.success) return result.data;
  const [first] = problemsOf(result.error.issues, request);
  throw new FlexetlError('USAGE', {
    message: `The input of a pipeline workflow: ${first?.path.join('.') ?? ''}: ${first?.message ?? ''}`,
    hint: 'It is the name of a pipeline, as in "sales", or an object with name and run_key.',
  });
}
