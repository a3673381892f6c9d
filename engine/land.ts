/** Land: cuts or fetches the next partition of a source whose partitions are not known beforehand. */
import { FlexetlError } from '../pipeline/errors';
import { LANDED_PREFIX, landedName } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { Landed, Partition } from '../plugin/source';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { openSource } from './open-source';
import { readPlan, type RunPlan } from './plan';
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
  { partition }: LandInput,
  context: StepContext,
): Promise<LandResult> {
  const { next } = await landed(deps, await readPlan(context.staging), partition, context);
  return { last: next === undefined };
}

/** A landed partition; one whose receipt is damaged or missing is landed again, and gets the same place. */
async function landed(deps: Deps, plan: RunPlan, index: number, context: StepContext): Promise<Landed> {
  const { staging } = context;
  const there = await findWhole<Landed>(staging, landedName(index));
  if (there) return there.receipt;
  const first = 'first' in plan.partitions ? plan.partitions.first : null;
  const from = index === 0 ? first : (await landed(deps, plan, index - 1, context)).next;
  if (from === undefined) throw noPartition(index);
  const source = openSource(pluginsOf(deps, plan.config), plan.config.source, context);
  const receipt = await source.land(plan.survey, index, from);
  await staging.commit(landedName(index), receipt);
  return receipt;
}

export async function findPartition(
  deps: Deps,
  plan: RunPlan,
  index: number,
  context: StepContext,
): Promise<Partition> {
  if (!('known' in plan.partitions)) return (await landed(deps, plan, index, context)).partition;
  const partition = plan.partitions.known[index];
  if (!partition) throw noPartition(index);
  return partition;
}

/** How many partitions there are, once all are landed. The last receipt says that it is the last. */
export async function countPartitions(deps: Deps, plan: RunPlan, context: StepContext): Promise<number> {
  if ('known' in plan.partitions) return plan.partitions.known.length;
  let index = Math.max(0, (await context.staging.list(LANDED_PREFIX)).length - 1);
  while ((await landed(deps, plan, index, context)).next !== undefined) index += 1;
  return index + 1;
}

function noPartition(index: number): FlexetlError {
  return new FlexetlError('INTERNAL', { message: `The plan has no partition ${index}.` });
}
