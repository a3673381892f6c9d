/** All checks of a run, compiled for the types that its columns have. */
import type { Check, DatasetCheck, RowCheck } from '../../plugin/check';
import { findPlugin, type PluginUse } from '../config/schema';
import type { Schema, TextRules } from '../types';
import { callPlugin, pluginName } from '../plugin-failure';
import { nullableChecks, typeChecks } from './declared';

/** A check with its name in reports and rejects. */
export type NamedRowCheck = RowCheck & { rule: string };
export type NamedDatasetCheck = DatasetCheck & { rule: string };

export interface CompiledChecks {
  /** A staged row has the indexes in this list of the checks that it fails. */
  rows: readonly NamedRowCheck[];
  /** A receipt has a state for each of these, in this order. */
  datasets: readonly NamedDatasetCheck[];
}

export interface ChecksInput {
  /** All columns to check, with their types. */
  columns: Schema;
  rules: TextRules;
  /** `validation.quality_checks` of the pipeline file. */
  uses: readonly PluginUse[];
  plugins: readonly Check<unknown>[];
  explainType?: Parameters<typeof typeChecks>[2];
}

/** @throws FlexetlError SCHEMA_MISMATCH, EXPRESSION_INVALID, PLUGIN_UNKNOWN */
export function compileChecks({ columns, rules, uses, plugins, explainType }: ChecksInput): CompiledChecks {
  const chosen = uses.flatMap(({ type, options }, index) => {
    const plugin = findPlugin(plugins, type);
    const compile = () => plugin.compile(options, columns);
    const compiled = callPlugin(`validation.quality_checks.${index}: ${pluginName(plugin)}`, compile);
    return compiled.map((check) => ({ ...check, rule: type }));
  });
  return {
    rows: [
      ...typeChecks(columns, rules, explainType).map((check) => ({ ...check, rule: 'type' })),
      ...nullableChecks(columns).map((check) => ({ ...check, rule: 'nullable' })),
      ...chosen.filter((check): check is NamedRowCheck => check.scope === 'row'),
    ],
    datasets: chosen.filter((check): check is NamedDatasetCheck => check.scope === 'dataset'),
  };
}
