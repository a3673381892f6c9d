/** Opens the source of a pipeline. */
import { findPlugin, type Plugins, type SourceUse } from '../pipeline/config/schema';
import { openLetters } from './dead-letters/letters-source';
import { openSource as openLanded } from './landing';
import type { PluginContext } from '../plugin/context';
import type { OpenSource, Source } from '../plugin/source';

/** @throws FlexetlError PLUGIN_UNKNOWN */
export function openSource(
  { sources }: Pick<Plugins, 'sources'>,
  { type, options, letters }: SourceUse,
  context: PluginContext,
): OpenSource {
  const source = findPlugin(sources, type);
  const opened = openLanded(source, options, context);
  if (!letters) return opened;
  return openLetters(letters, { rules: opened.rules, nullValues: nullValuesOf(source, options) }, context);
}

/** The texts that a source reads as null. */
function nullValuesOf(source: Source<unknown>, options: SourceUse['options']): readonly string[] {
  if (source.kind === 'records') return source.nullValues?.(options) ?? [''];
  const { null_values: texts } = options;
  return Array.isArray(texts) ? texts.filter((text) => typeof text === 'string') : [''];
}
