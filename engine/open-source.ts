/** Opens the source of a pipeline. */
import { findPlugin, type Plugins, type PluginUse } from '../pipeline/config/schema';
import { openSource as openLanded } from './landing';
import type { PluginContext } from '../plugin/context';
import type { OpenSource } from '../plugin/source';

/** @throws FlexetlError PLUGIN_UNKNOWN */
export function openSource(
  { sources }: Pick<Plugins, 'sources'>,
  { type, options }: PluginUse,
  context: PluginContext,
): OpenSource {
  return openLanded(findPlugin(sources, type), options, context);
}
