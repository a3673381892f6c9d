/** What a publish saves of an incremental source, beside its rows. */
import type { StateToSave } from '../plugin/target';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { openSource } from './open-source';
import type { RunPlan } from './plan';
import { pluginsOf } from './resolve-config';

/** The same for every target and attempt, once all partitions are landed. */
export async function stateToSave(
  deps: Deps,
  plan: RunPlan,
  context: StepContext,
): Promise<StateToSave | undefined> {
  if (!plan.state) return undefined;
  const source = openSource(pluginsOf(deps, plan.config), plan.config.source, context);
  const state = plan.survey.state ?? (await source.stateAfter?.(plan.survey));
  return state === undefined ? undefined : { source: plan.state.source, state };
}
