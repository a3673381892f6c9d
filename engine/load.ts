/** What a run does with a target: check, load, publish, discard. Each may be killed at any moment and repeated. */
import { FlexetlError } from '../pipeline/errors';
import { findPlugin, type PipelineConfig } from '../pipeline/config/schema';
import type { Schema } from '../pipeline/types';
import type { PluginContext } from '../plugin/context';
import { LIMITS } from '../pipeline/limits';
import type { LoadKey, OpenTarget, Published, Target } from '../plugin/target';
import { createPart } from '../runtime/batches/part';
import { OUTPUT, outputName } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { readPlan, requirePart } from './plan';
import type { OutputReceipt, TransformResult } from './transform';
import { pluginsOf } from './resolve-config';

/** A target as a pipeline uses it. */
export interface TargetUse {
  target: Target<unknown>;
  options: unknown;
  /** Its name for users. */
  name: string;
}

/** @param index place in the pipeline file's list of targets */
export function targetOf(deps: Deps, config: PipelineConfig, index: number): TargetUse {
  const use = config.targets[index];
  if (!use) throw new FlexetlError('INTERNAL', { message: `The pipeline has no target ${index}.` });
  const target = findPlugin(pluginsOf(deps, config).targets, use.type);
  return { target, options: use.options, name: target.name(use.options) };
}

function openTarget(deps: Deps, config: PipelineConfig, index: number, context: PluginContext): OpenTarget {
  const { target, options } = targetOf(deps, config, index);
  return target.open(options, context);
}

/** The key of the loads of a target in its ledger; the index distinguishes two targets of one table. */
function loadKey(deps: Deps, config: PipelineConfig, run: RunRef, index: number): LoadKey {
  const { name } = targetOf(deps, config, index);
  return { pipeline: run.pipeline, runKey: run.runKey, target: `${index}:${name}` };
}

export interface LoadInput {
  run: RunRef;
  /** Place in the pipeline file's list of targets. */
  target: number;
  /** Index of the output part. */
  part: number;
}

/**
 * Loads the rows of an output part into a target, in slices of bounded size. Each slice is a part in the load ledger,
 * so a kill costs one slice; a slice that is in the ledger is not written again.
 */
export async function loadPart(
  deps: Deps,
  { run, target: index, part }: LoadInput,
  context: StepContext,
): Promise<{ rows: number }> {
  const { staging } = context;
  const { config } = await readPlan(staging);
  const { schema } = (await requirePart<OutputReceipt>(staging, OUTPUT)).receipt;
  const output = await requirePart<TransformResult>(staging, outputName(part));
  const target = openTarget(deps, config, index, context);
  const key = loadKey(deps, config, run, index);
  let rows = 0;
  for (const { slice, ...range } of sliceRows(output.receipt.rows)) {
    const share = (done: number): void =>
      context.progress((range.firstRow + done * range.rows) / output.receipt.rows);
    const offered = { index: part * SLICES_PER_PART + slice, schema, path: output.path ?? '', ...range };
    const sliceContext = { ...context, progress: share };
    rows += (await target.load(key, createPart(offered, sliceContext))).rows;
  }
  return { rows };
}

/** More than the slices of any part. */
const SLICES_PER_PART = 1_000_000;

/** Consecutive ranges that cover all rows, each of at most `LIMITS.loadPartRowsMax`. */
export function sliceRows(rows: number): { slice: number; firstRow: number; rows: number }[] {
  const sliceMax = LIMITS.loadPartRowsMax;
  return Array.from({ length: Math.ceil(rows / sliceMax) }, (_, slice) => {
    const firstRow = slice * sliceMax;
    return { slice, firstRow, rows: Math.min(sliceMax, rows - firstRow) };
  });
}

export interface PublishInput {
  run: RunRef;
  target: number;
  /** The rows loaded; a target that has another number publishes nothing. */
  rows: number;
}

/** Makes all loads of a target visible at once. Idempotent. */
export async function publishTarget(
  deps: Deps,
  { run, target, rows }: PublishInput,
  context: StepContext,
): Promise<Published> {
  const { config } = await readPlan(context.staging);
  const { schema } = (await requirePart<OutputReceipt>(context.staging, OUTPUT)).receipt;
  return openTarget(deps, config, target, context).publish(loadKey(deps, config, run, target), schema, rows);
}

/** What the report shows of each target before anything is loaded. */
export function describeTargets(
  deps: Deps,
  config: PipelineConfig,
): { type: string; name: string; mode: string }[] {
  return config.targets.map((_, index) => {
    const { target, options, name } = targetOf(deps, config, index);
    return { type: target.type, name, mode: target.mode(options) };
  });
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
 * Removes what a run has loaded into these targets and not published. A failure of one does not stop the others.
 * @param indexes places in the pipeline file's list of targets
 * @returns the errors, of targets whose loads are not removed
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
