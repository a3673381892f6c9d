/**
 * Load: rows of one output part into the staging area of one target, with their ledger row.
 *
 * Any attempt may be killed at any moment: the target commits rows and ledger row together, and an attempt
 * that finds its ledger row there writes nothing.
 */
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { loadKey, loadSlice, openTarget } from '../engine/load';
import { OUTPUT_FILE, readPlan, type OutputPlan } from '../engine/plan';
import { contextOf, createStep, type StepResult } from './step';

export interface LoadInput {
  run: RunRef;
  /** Index in the pipeline file's list of targets. */
  target: number;
  /** Number of this load within (run, target): the `part` of its ledger row. */
  part: number;
  /** The staged part that holds the rows, and which of them: [firstRow, firstRow + rows). */
  outputPart: number;
  firstRow: number;
  rows: number;
}

export interface LoadResult {
  rows: number;
}

export function createLoad(deps: Deps): (input: LoadInput) => Promise<StepResult<LoadResult>> {
  return createStep(deps, 'load', async (input: LoadInput, tools) => {
    const { config } = await readPlan(tools.staging);
    const { schema } = await tools.staging.readJson<OutputPlan>(OUTPUT_FILE);
    const context = contextOf(deps, tools);
    const target = openTarget(deps, config, input.target, context);
    const slice = { ...input, path: tools.staging.outputPart(input.outputPart) };
    return loadSlice(target, loadKey(deps, config, input.run, input.target), schema, slice, context);
  });
}
