/** What a run does with a target: check, load, publish, discard. Each may be killed at any moment and repeated. */
import { addDetails, type DownTarget } from '../pipeline/error-details';
import { FlexetlError, type ErrorCode } from '../pipeline/errors';
import { findPlugin, type PipelineConfig } from '../pipeline/config/schema';
import type { Schema } from '../pipeline/types';
import type { PluginContext } from '../plugin/context';
import type { SourceFile } from '../plugin/source';
import { keyReused } from '../plugin/key-reused';
import { LIMITS } from '../pipeline/limits';
import type { AlreadyLoaded } from '../pipeline/report';
import type { LoadKey, OpenTarget, Published, Target } from '../plugin/target';
import { createPart } from '../runtime/batches/part';
import { fileIdentity } from '../runtime/file-identity';
import { projectPath } from '../runtime/settings';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { revealLetters } from './dead-letters/end-letters';
import { keptToSave } from './kept-states';
import { loadKeyOf } from './load-key';
import { wholeOutput, wholeOutputPart } from './output';
import { readPlan, type RunPlan } from './plan';
import { firstSliceRows, loadSlices, nextSliceRows } from './slices';
import { stateToSave } from './state-to-save';
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

export function openTarget(
  deps: Deps,
  config: PipelineConfig,
  index: number,
  context: PluginContext,
): OpenTarget {
  const { target, options } = targetOf(deps, config, index);
  return target.open(options, context);
}

/** The key of the loads of a target in its ledger. */
export function loadKey(deps: Deps, plan: RunPlan, run: RunRef, index: number): LoadKey {
  const { target, options } = targetOf(deps, plan.config, index);
  return loadKeyOf(plan, run, target, options);
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
  const plan = await readPlan(staging);
  const schema = await wholeOutput(deps, run, context);
  const output = await wholeOutputPart(deps, run, part, context);
  const { target, options } = targetOf(deps, plan.config, index);
  const key = loadKey(deps, plan, run, index);
  const total = output.receipt.rows;
  const path = output.path ?? '';
  // A target that takes files makes a file of each slice, and holds no lock.
  const isLocked = target.capabilities.lane === 'rows';
  const first = isLocked ? await firstSliceRows(path, total, schema.length) : LIMITS.loadFileRowsMax;
  const next = isLocked ? nextSliceRows : (rows: number) => rows;
  await loadSlices(total, first, next, async ({ index: slice, firstRow, rows }) => {
    const offered = { index: part * SLICES_PER_PART + slice, schema, path, firstRow, rows };
    const progress = (done: number): void => context.progress((firstRow + done * rows) / total);
    const loaded = await target
      .open(options, { ...context, progress })
      .load(key, createPart(offered, context));
    return loaded.rows;
  });
  return { rows: total };
}

/** More than the slices of any part. */
const SLICES_PER_PART = 1_000_000;

export interface PublishInput {
  run: RunRef;
  target: number;
  /** The rows loaded; a target that has another number publishes nothing. */
  rows: number;
}

export interface PublishResult extends Published {
  /** ISO 8601, UTC. */
  publishedAt: string;
}

/** Makes all loads of a target visible at once. Idempotent. */
export async function publishTarget(
  deps: Deps,
  { run, target, rows }: PublishInput,
  context: StepContext,
): Promise<PublishResult> {
  const plan = await readPlan(context.staging);
  const schema = await wholeOutput(deps, run, context);
  const key = loadKey(deps, plan, run, target);
  const ofSource = await stateToSave(deps, plan, context);
  const open = openTarget(deps, plan.config, target, context);
  const states = [...(ofSource ? [ofSource] : []), ...(await keptToSave(open, run, context.staging))];
  const published = await open.publish(key, schema, rows, states);
  const publishedAt = new Date().toISOString();
  await revealLetters(deps, plan, run, publishedAt);
  return { ...published, publishedAt };
}

/** A target before anything is loaded, as the report shows it. */
export interface TargetDescription {
  type: string;
  name: string;
  mode: string;
  /** It has these rows already. */
  already?: AlreadyLoaded;
}

/**
 * Asks every target what it has of this load.
 * @param once rows that another run has appended are not appended again
 * @param without places of targets that are not asked: they are down
 * @throws FlexetlError KEY_REUSED when the run key belongs to other rows; as {@link eachTarget}
 */
export async function beginLoads(
  deps: Deps,
  plan: RunPlan,
  run: RunRef,
  once: boolean,
  without: readonly number[],
  context: PluginContext,
): Promise<TargetDescription[]> {
  const described = [...plan.config.targets.keys()].map((index): TargetDescription => {
    const { target, options, name } = targetOf(deps, plan.config, index);
    return { type: target.type, name, mode: target.mode(options) };
  });
  await eachTarget(plan.config, without, async (index) => {
    const { target, options, name } = targetOf(deps, plan.config, index);
    const key = loadKey(deps, plan, run, index);
    const isAppend = target.mode(options) === 'append';
    // Of a source of records nobody knows what it will yield, and an incremental one reads only what is new.
    const anyRun = once && isAppend && plan.survey.files.length > 0 && !plan.state;
    const found = await target.open(options, context).begin(key, anyRun);
    if (found.answer === 'reused') throw keyReused(name, key, found.load);
    const description = described[index];
    if (found.answer !== 'published' || !description) return context.log.debug(`${name}: ${found.answer}`);
    const { runKey, publishedAt, rows } = found.load;
    description.already = { run_key: runKey, published_at: publishedAt, rows };
  });
  return described;
}

/**
 * @throws FlexetlError CONFIG_INVALID for two targets that are one place, by whatever path. Those that can be told by
 *   their spelling are refused with the pipeline file.
 */
export async function assertDistinctTargets(deps: Deps, config: PipelineConfig): Promise<void> {
  const seen = new Map<string, string>();
  for (const index of config.targets.keys()) {
    const { target, options, name } = targetOf(deps, config, index);
    const { path, name: inPlace } = target.place(options);
    const file =
      path === undefined ? target.type : await fileIdentity(projectPath(deps.settings.projectDir, path));
    const place = JSON.stringify([file, inPlace]);
    const other = seen.get(place);
    if (other !== undefined) {
      throw new FlexetlError('CONFIG_INVALID', {
        message: `targets.${index} writes to ${name}, which is ${other} by another path, expected another place.`,
        hint: 'Remove one of the two targets: every row would be written twice.',
      });
    }
    seen.set(place, name);
  }
}

/** @throws FlexetlError CONFIG_INVALID for a target that would replace a file which the source reads */
export function assertNotSource(
  deps: Deps,
  config: PipelineConfig,
  files: readonly Pick<SourceFile, 'path'>[],
): void {
  const { projectDir } = deps.settings;
  const read = new Set(files.map(({ path }) => projectPath(projectDir, path)));
  for (const index of config.targets.keys()) {
    const { target, options, name } = targetOf(deps, config, index);
    const { path } = target.place(options);
    if (path === undefined || !read.has(projectPath(projectDir, path))) continue;
    throw new FlexetlError('CONFIG_INVALID', {
      message: `targets.${index} writes to ${name}, which is a file of the source, expected another place.`,
      hint: 'The source would be lost. Choose another path for the target.',
    });
  }
}

/**
 * Asks every target whether it can take such rows.
 * @param without places of targets that are not asked: they are down
 * @returns warnings
 * @throws FlexetlError TARGET_INVALID, TARGET_INCOMPATIBLE, TARGET_BUSY of the first that cannot; as {@link eachTarget}
 */
export async function checkTargets(
  deps: Deps,
  config: PipelineConfig,
  schema: Schema,
  without: readonly number[],
  context: PluginContext,
): Promise<string[]> {
  const warnings: string[] = [];
  await eachTarget(config, without, async (index) => {
    warnings.push(...((await openTarget(deps, config, index, context).check(schema)) ?? []));
  });
  return warnings;
}

/**
 * Does something with each target, in order. One that is down, or cannot be used, does not keep the others from it.
 * @throws FlexetlError of the first of these; if others are fine, its details name all that are not
 */
export async function eachTarget(
  { targets }: PipelineConfig,
  without: readonly number[],
  work: (index: number) => Promise<void>,
): Promise<void> {
  const down: (DownTarget & { cause: unknown })[] = [];
  const asked = [...targets.keys()].filter((index) => !without.includes(index));
  for (const target of asked) {
    await work(target).catch((cause: unknown) => {
      if (!(cause instanceof FlexetlError) || !LOST_CODES.includes(cause.code)) throw cause;
      const { code, message, hint } = cause;
      down.push({ target, cause, error: { code, message, ...(hint !== undefined && { hint }) } });
    });
  }
  // What is waited for comes first: the others do not come back.
  const first = down.find(({ error }) => DOWN_CODES.includes(error.code)) ?? down[0];
  if (!first) return;
  const others = down.map(({ target, error }) => ({ target, error }));
  throw down.length < asked.length ? addDetails(first.cause, { down: others }) : first.cause;
}

/** What may be over later. */
const DOWN_CODES: readonly ErrorCode[] = ['TARGET_BUSY', 'TARGET_UNREACHABLE'];

/**
 * What concerns one target alone, such as a wrong password: the others need not miss their rows. Rows that do not fit are
 * a mistake of the pipeline, and end the run before it reads.
 */
const LOST_CODES: readonly ErrorCode[] = [...DOWN_CODES, 'TARGET_INVALID', 'PATH_UNWRITABLE'];

/**
 * Removes what a run has loaded and not published, before it begins again.
 * @throws FlexetlError as {@link eachTarget}
 */
export async function clearLoads(
  deps: Deps,
  plan: RunPlan,
  run: RunRef,
  without: readonly number[],
  context: PluginContext,
): Promise<void> {
  await eachTarget(plan.config, without, (index) =>
    openTarget(deps, plan.config, index, context).discard(loadKey(deps, plan, run, index)),
  );
}
