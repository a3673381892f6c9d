/** What a run does to a target: check, load, publish, discard. Each may be killed at any moment and done again. */
import { FlexetlError } from '../pipeline/errors';
import { findPlugin, type PipelineConfig } from '../pipeline/config/schema';
import type { Schema } from '../pipeline/types';
import type { PluginContext } from '../plugin/context';
import type { LoadKey, OpenTarget, Target } from '../plugin/target';
import { createPart } from '../runtime/batches/part';
import type { RunRef } from '../runtime/staging';
import type { Deps } from './deps';
import { pluginsOf } from './resolve-config';

/** A target as a pipeline uses it. */
export interface TargetUse {
  target: Target<unknown>;
  options: unknown;
  /** How users know it. */
  name: string;
}

/** @param index place in the pipeline file's list of targets */
export function targetOf(deps: Deps, config: PipelineConfig, index: number): TargetUse {
  const use = config.targets[index];
  if (!use) throw new FlexetlError('INTERNAL', { message: `The pipeline has no target ${index}.` });
  const target = findPlugin(pluginsOf(deps, config).targets, use.type);
  return { target, options: use.options, name: target.name(use.options) };
}

export function openTarget(
  deps: Deps,
  config: PipelineConfig,
  index: number,
  context: PluginContext,
): OpenTarget {
  const { target, options } = targetOf(deps, config, index);
  return target.open(options, context);
}

/** The key of a target's loads in its ledger; the index keeps two targets of one table apart. */
export function loadKey(deps: Deps, config: PipelineConfig, run: RunRef, index: number): LoadKey {
  const { name } = targetOf(deps, config, index);
  return { pipeline: run.pipeline, runKey: run.runKey, target: `${index}:${name}` };
}

/** Rows of a staged file that are loaded together. */
export interface LoadSlice {
  /** Number of this load within (run, target): the `part` of its row in the load ledger. */
  part: number;
  /** Absolute path of the staged Parquet file. */
  path: string;
  firstRow: number;
  rows: number;
}

/** @returns the rows that the load ledger has for this part */
export function loadSlice(
  target: OpenTarget,
  key: LoadKey,
  schema: Schema,
  slice: LoadSlice,
  context: PluginContext,
): Promise<{ rows: number }> {
  const { part: index, path, firstRow, rows } = slice;
  return target.load(key, createPart({ index, schema, rows, path, firstRow }, context));
}

/**
 * Asks every target whether it can take such rows.
 * @throws FlexetlError TARGET_INVALID, TARGET_INCOMPATIBLE, TARGET_BUSY of the first that cannot
 */
export async function checkTargets(
  deps: Deps,
  config: PipelineConfig,
  schema: Schema,
  context: PluginContext,
): Promise<void> {
  for (const index of config.targets.keys()) await openTarget(deps, config, index, context).check(schema);
}

/**
 * Removes what a run has loaded into these targets and not published. One that fails leaves the others alone.
 * @param indexes places in the pipeline file's list of targets
 * @returns the errors of targets that still hold something
 */
export async function discardLoads(
  deps: Deps,
  config: PipelineConfig,
  run: RunRef,
  indexes: readonly number[],
  context: PluginContext,
): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const index of indexes) {
    const target = openTarget(deps, config, index, context);
    await target.discard(loadKey(deps, config, run, index)).catch((error: unknown) => errors.push(error));
  }
  return errors;
}
