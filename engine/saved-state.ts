/**
 * How far the targets of a pipeline are with an incremental source. Each target keeps the state of what it has, saved
 * by the publish of those rows, so a run begins where the last published one has ended.
 */
import { digestOf } from '../pipeline/config/parse';
import { findPlugin, type PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import type { PluginContext } from '../plugin/context';
import type { SavedState, StateKey } from '../plugin/target';
import type { RunRef } from '../runtime/staging/store';
import type { Deps } from './deps';
import { eachTarget, targetOf } from './load';
import type { RunPlan } from './plan';
import { pluginsOf } from './resolve-config';

type Owner = Pick<RunRef, 'project' | 'pipeline'>;

/**
 * Whose state it is: a source of another type, or that selects other data, does not inherit it.
 * @returns undefined for a source that reads all its data every time
 */
export function sourceIdOf(deps: Deps, config: PipelineConfig): string | undefined {
  const { type, options, letters } = config.source;
  // A replay has no part in what the source has given so far.
  if (letters) return undefined;
  const selection = findPlugin(pluginsOf(deps, config).sources, type).incremental?.(options);
  return selection && digestOf({ type, selection });
}

/** What a run of an incremental source begins with. */
export interface StartState {
  source: string;
  /** Undefined for the first run. */
  saved: SavedState | undefined;
}

/** What the targets hold, before anything is planned. */
export interface States {
  source: string;
  /** By place of the target; those that are down are not in it. */
  found: ReadonlyMap<number, SavedState | undefined>;
}

/**
 * @param without places of targets that are down
 * @returns undefined where the source is not incremental
 * @throws FlexetlError CONFIG_INVALID for a target that would lose the rows of earlier runs; as `eachTarget`
 */
export async function readStates(
  deps: Deps,
  config: PipelineConfig,
  { project, pipeline }: Owner,
  without: readonly number[],
  context: PluginContext,
): Promise<States | undefined> {
  const source = sourceIdOf(deps, config);
  if (source === undefined) return undefined;
  const key: StateKey = { project, pipeline, source };
  const found = new Map<number, SavedState | undefined>();
  await eachTarget(config, without, async (index) => {
    const { target, options, name } = targetOf(deps, config, index);
    if (target.mode(options) === 'replace') {
      throw new FlexetlError('CONFIG_INVALID', {
        message: `targets.${index} (${name}) has mode replace, and the source is incremental: it would have only what is new since the run before.`,
        hint: 'Use mode append or merge, or remove `incremental` from the source.',
      });
    }
    found.set(index, await target.open(options, context).state(key));
  });
  return { source, found };
}

/**
 * The state that a new run begins with: that of all targets.
 * @throws FlexetlError STATES_DIFFER
 */
export function startState(deps: Deps, config: PipelineConfig, { source, found }: States): StartState {
  const [first, ...others] = found;
  const other = others.find(([, state]) => digestState(state) !== digestState(first?.[1]));
  if (!first || !other) return { source, saved: first?.[1] };
  const [one, two] = [first, other].map(([index, state]) => {
    const { name } = targetOf(deps, config, index);
    return `${name} has ${state ? `that of run ${state.runKey}, saved at ${state.savedAt}` : 'none'}`;
  });
  const saved = [...found.values()].flatMap((state) => state ?? []);
  const [ahead] = saved.sort((a, b) => (a.savedAt < b.savedAt ? 1 : -1));
  throw new FlexetlError('STATES_DIFFER', {
    message: `The targets hold different states of the source: ${one}, ${two}. Nothing was loaded.`,
    hint: `Complete run ${ahead?.runKey} first: flexetl retry ${config.name} --run-key ${JSON.stringify(ahead?.runKey)}.`,
  });
}

/** Of a state; null for none. */
export function digestState(saved: SavedState | undefined): string | null {
  return saved ? digestOf({ state: saved.state }) : null;
}

/** Whether every target has published this run, or is where its plan begins. */
export function continuesFrom({ found }: States, { runKey }: RunRef, { state }: RunPlan): boolean {
  return [...found.values()].every((one) => one?.runKey === runKey || digestState(one) === state?.before);
}

/**
 * Whether a run that some of its targets have published is to be completed as it was planned, from what it has staged:
 * the others must get the same rows.
 */
export function isHalfPublished(states: States, run: RunRef, plan: RunPlan): boolean {
  const isDone = [...states.found.values()].map((one) => one?.runKey === run.runKey);
  return isDone.includes(true) && isDone.includes(false) && continuesFrom(states, run, plan);
}
