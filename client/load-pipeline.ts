/** The pipeline that a command line names: by name, or with --config. */
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import { parseConfig } from '../engine/resolve-config';
import { listPipelines, readPipelineFile, type PipelineFile } from '../runtime/config-file';
import { PLUGINS } from '../worker/plugins';
import type { CommandContext } from './context';

export interface PipelineOptions {
  config?: string;
  set?: readonly string[];
}

/** A pipeline as it was written, and resolved with the environment of this process. */
export interface LoadedPipeline extends PipelineFile {
  overrides: readonly string[];
  config: PipelineConfig;
}

/** @throws FlexetlError USAGE, CONFIG_INVALID */
export async function loadPipeline(
  context: CommandContext,
  name: string | undefined,
  options: PipelineOptions,
): Promise<LoadedPipeline> {
  const { settings } = context;
  if (name !== undefined && options.config !== undefined) {
    throw new FlexetlError('USAGE', {
      message: `Both a name ("${name}") and --config ${options.config} are given.`,
      hint: 'Give one of them.',
    });
  }
  if (name === undefined && options.config === undefined) {
    const names = await listPipelines(settings.projectDir);
    throw new FlexetlError('USAGE', {
      message: 'No pipeline is named.',
      hint:
        names.length > 0
          ? `Name one of: ${names.join(', ')}; or a file with --config.`
          : 'Write configs/<name>.yaml first.',
    });
  }
  const address = name !== undefined ? { name } : { path: options.config ?? '' };
  const overrides = options.set ?? [];
  const written = await readPipelineFile(address, settings.projectDir);
  return {
    ...written,
    overrides,
    config: parseConfig({ settings, plugins: PLUGINS }, { ...written, overrides }),
  };
}
