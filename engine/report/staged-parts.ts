/** What a run has staged, as it is: its end reads the parts that are there, and never makes one again. */
import type { Schema } from '../../pipeline/types';
import { mapTogether } from '../../runtime/map-together';
import { extractName, LANDED_PREFIX } from '../../runtime/staging/parts';
import { isDamage } from '../../runtime/staging/whole';
import type { StepContext } from '../context';
import { readEvidence, schemaOf } from '../evidence';
import type { ExtractReceipt } from '../extract/receipt';
import type { ExtractedPart } from '../parts';
import type { RunPlan } from '../plan';

export interface StagedParts {
  schema: Schema;
  /** In order. */
  parts: readonly ExtractedPart[];
  /** Every partition that is known has its part. */
  complete: boolean;
}

export async function findStagedParts(plan: RunPlan, context: StepContext): Promise<StagedParts> {
  const { staging } = context;
  const schema = schemaOf(plan, await readEvidence(plan, staging));
  const count =
    'known' in plan.partitions ? plan.partitions.known.length : (await staging.list(LANDED_PREFIX)).length;
  const found = await mapTogether([...Array(count).keys()], (index) => findPart(context, index, schema));
  const parts = found.flatMap((part) => part ?? []);
  return { schema, parts, complete: parts.length === count };
}

async function findPart(
  { staging }: StepContext,
  index: number,
  schema: Schema,
): Promise<ExtractedPart | undefined> {
  try {
    const part = await staging.fetch<ExtractReceipt>(extractName(index, schema));
    if (!part) return undefined;
    const { stagedAs } = part.receipt;
    const path = stagedAs === undefined ? part.path : (await staging.fetch(stagedAs))?.path;
    return path == null ? undefined : { index, receipt: part.receipt, path };
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
