/** Publish: all loaded parts of one target become visible at once. Doing it twice is doing it once. */
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { loadKey, OUTPUT_FILE, readPlan, targetOf, type OutputPlan } from '../engine/plan';
import { createStep, type StepResult } from './step';

export interface PublishInput {
  run: RunRef;
  target: number;
  /** What was loaded; a target that holds another number publishes nothing. */
  rows: number;
}

export function createPublish(deps: Deps): (input: PublishInput) => Promise<StepResult<{ rows: number }>> {
  return createStep(deps, 'publish', async (input: PublishInput, tools) => {
    const plan = await readPlan(tools.staging);
    const { schema } = await tools.staging.readJson<OutputPlan>(OUTPUT_FILE);
    const { target, options } = targetOf(deps, plan.config, input.target);
    return target.publish(
      options,
      loadKey(deps, plan.config, input.run, input.target),
      schema,
      tools,
      input.rows,
    );
  });
}
