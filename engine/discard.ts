/** What becomes of loads that are not published. */
import type { PluginContext } from '../plugin/context';
import type { RunRef } from '../runtime/staging/store';
import type { Deps } from './deps';
import { loadKey, openTarget } from './load';
import type { RunPlan } from './plan';

/**
 * Removes what a run has loaded into these targets and not published. A failure of one does not stop the others.
 * @param indexes places in the pipeline file's list of targets
 * @returns the errors, of targets whose loads are not removed
 */
export async function discardLoads(
  deps: Deps,
  plan: RunPlan,
  run: RunRef,
  indexes: readonly number[],
  context: PluginContext,
): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const index of indexes) {
    const target = openTarget(deps, plan.config, index, context);
    await target.discard(loadKey(deps, plan, run, index)).catch((error: unknown) => errors.push(error));
  }
  return errors;
}

/**
 * Whether no target has published the load, after {@link discardLoads}: then it never will, for a late publish finds no
 * parts. False also where a target does not answer.
 */
export async function hasNoTarget(
  deps: Deps,
  plan: RunPlan,
  run: RunRef,
  context: PluginContext,
): Promise<boolean> {
  const indexes = [...plan.config.targets.keys()];
  try {
    for (const index of indexes) {
      const target = openTarget(deps, plan.config, index, context);
      const { answer } = await target.begin(loadKey(deps, plan, run, index), false);
      if (answer === 'published') return false;
    }
    return (await discardLoads(deps, plan, run, indexes, context)).length === 0;
  } catch {
    return false;
  }
}
