/** A source as a pipeline uses it. */
import { findPlugin, type Plugins, type PluginUse } from '../pipeline/config/schema';
import type { PluginContext } from '../plugin/context';
import type { OpenSource } from '../plugin/source';

/** @throws FlexetlError PLUGIN_UNKNOWN */
export function openSource(
  { sources }: Pick<Plugins, 'sources'>,
  { type, options }: PluginUse,
  context: PluginContext,
): OpenSource {
  const source = findPlugin(sources, type);
  if (source.kind === 'files') return source.open(options, context);
  throw new Error('landing');
}
