/** Publish: all loaded parts of one target become visible at once. Doing it twice is doing it once. */
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { loadKey, openTarget } from '../engine/load';
import { OUTPUT_FILE, readPlan, type OutputPlan } from '../engine/plan';
import type { Published } from '../plugin/target';
import { contextOf, createStep, type StepResult } from './step';

export interface PublishInput {
  run: RunRef;
  target: number;
  /** What was loaded; a target that holds another number publishes nothing. */
  rows: number;
}

export function createPublish(deps: Deps): (input: PublishInput) => Promise<StepResult<Published>> {
  return createStep(deps, 'publish', async (input: PublishInput, tools) => {
    const { config } = await readPlan(tools.staging);
    const { schema } = await tools.staging.readJson<OutputPlan>(OUTPUT_FILE);
    const target = openTarget(deps, config, input.target, contextOf(deps, tools));
    return target.publish(loadKey(deps, config, input.run, input.target), schema, input.rows);
  });
}
