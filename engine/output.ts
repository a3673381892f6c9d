/** The output of transform as load needs it: whole. A damaged or missing part is made again. */
import { isRowWise, outputSchema, planTransforms } from '../pipeline/transforms/plan';
import type { Schema } from '../pipeline/types';
import { OUTPUT, outputName, stagingDamaged } from '../runtime/staging/parts';
import type { RunRef, StagedPart } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { countPartitions } from './land';
import { pluginsOf } from './resolve-config';
import { transformPart, type OutputReceipt, type TransformResult } from './transform';
import { wholeParts } from './whole-parts';

/** The schema of the output. @throws FlexetlError STAGING_MISSING, STAGING_DAMAGED */
export async function wholeOutput(deps: Deps, run: RunRef, context: StepContext): Promise<Schema> {
  const there = await findWhole<OutputReceipt>(context.staging, OUTPUT);
  if (there) return there.receipt.schema;
  const { schema, steps } = await planSteps(deps, run, context);
  return outputSchema(steps, schema);
}

/** The steps as transform has planned them. */
async function planSteps(deps: Deps, run: RunRef, context: StepContext) {
  const { plan, schema } = await wholeParts(deps, run, context, { partition: null, read: false });
  const { transforms } = pluginsOf(deps, plan.config);
  return { plan, schema, steps: planTransforms(plan.config.transformations, schema, transforms) };
}

/** An output part whose file will be read. @throws FlexetlError STAGING_MISSING, STAGING_DAMAGED */
export async function wholeOutputPart(
  deps: Deps,
  run: RunRef,
  part: number,
  context: StepContext,
): Promise<StagedPart<TransformResult>> {
  const name = outputName(part);
  const there = await findWhole<TransformResult>(context.staging, name, 'open');
  if (there) return there;
  context.log.warn(`Output part ${part} is made again: it is damaged or missing.`);
  const { plan, steps } = await planSteps(deps, run, context);
  const byPartition = isRowWise(steps) && (await countPartitions(deps, plan, context)) > 0;
  await transformPart(deps, { run, part, partition: byPartition ? part : null }, context);
  const again = await context.staging.open<TransformResult>(name);
  if (again) return again;
  throw stagingDamaged(`The output part ${part} is damaged, and was not found after it was made again.`);
}
