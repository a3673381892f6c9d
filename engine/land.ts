/** Land: cuts or fetches the next partition of a source whose partitions are not known beforehand. */
import { landedName } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { Position } from '../plugin/source';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { openSource } from './open-source';
import { readPlan, requirePart, type LandedReceipt } from './plan';
import { pluginsOf } from './resolve-config';

export interface LandInput {
  run: RunRef;
  partition: number;
}

export interface LandResult {
  /** No partition comes after this one. */
  last: boolean;
}

/** Idempotent: a landed partition is not cut or fetched again. */
export async function landPartition(
  deps: Deps,
  { partition: index }: LandInput,
  context: StepContext,
): Promise<LandResult> {
  const { staging } = context;
  const there = await staging.fetch<LandedReceipt>(landedName(index));
  if (there) return { last: there.receipt.next === undefined };
  const plan = await readPlan(staging);
  const source = openSource(pluginsOf(deps, plan.config), plan.config.source, context);
  const landed = await source.land(plan.survey, index, await startOf(index));
  await staging.commit(landedName(index), landed);
  return { last: landed.next === undefined };

  async function startOf(partition: number): Promise<Position> {
    if (partition > 0) {
      const before = await requirePart<LandedReceipt>(staging, landedName(partition - 1));
      return before.receipt.next as Position;
    }
    return 'first' in plan.partitions ? plan.partitions.first : null;
  }
}
