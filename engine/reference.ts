/** Other data than the input, for checks: described as the source of a pipeline. */
import { requireColumns } from '../pipeline/columns';
import { findPlugin, optionsOf, type PipelineConfig } from '../pipeline/config/schema';
import { UNKNOWN } from '../pipeline/types';
import type { Reference } from '../plugin/check';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { openSource } from './open-source';
import { pluginsOf } from './resolve-config';

/** Looks whether a reference of files is there and has the columns, before the input is read. */
export async function assertReference(
  deps: Deps,
  config: PipelineConfig,
  reference: Reference,
  context: StepContext,
): Promise<void> {
  const { source } = referenceConfig(deps, config, reference);
  const plugins = pluginsOf(deps, config);
  // Asking a source of records would already read it.
  if (findPlugin(plugins.sources, source.type).kind === 'records') return;
  const { columns } = await openSource(plugins, source, context).survey();
  requireColumns(
    reference.columns ?? [],
    columns.map((name) => ({ name, type: UNKNOWN })),
    'the reference',
  );
}

/** The configuration of a run that only reads the reference. */
export function referenceConfig(
  deps: Deps,
  config: PipelineConfig,
  { source, types = {}, columns }: Reference,
): PipelineConfig {
  const { type, ...options } = source;
  const plugin = findPlugin(pluginsOf(deps, config).sources, type);
  const select = columns ? [{ type: 'select', options: { columns } }] : [];
  const declared = Object.entries(types).map(([name, type]) => [name, { type, nullable: true }]);
  return {
    ...config,
    source: { type, options: optionsOf(plugin).parse(options) },
    transformations: select,
    validation: {
      schema: Object.fromEntries(declared) as PipelineConfig['validation']['schema'],
      quality_checks: [],
      report: { html: false, profile: false },
    },
    targets: [],
  };
}
