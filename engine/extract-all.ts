/** All partitions of a source, without Temporal. */
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { extractPartition } from './extract/extract';
import type { ExtractResult } from './extract/receipt';
import { countPartitions, landPartition } from './land';
import { readPlan } from './plan';

/** As the workflow does: partition by partition, and all once more as long as types become wider. */
export async function extractAll(deps: Deps, run: RunRef, context: StepContext): Promise<ExtractResult[]> {
  const plan = await readPlan(context.staging);
  for (let partition = 0; !('known' in plan.partitions); partition += 1)
    if ((await landPartition(deps, { run, partition }, context)).last) break;
  const count = await countPartitions(deps, plan, context);
  for (;;) {
    const results: ExtractResult[] = [];
    for (let partition = 0; partition < count; partition += 1)
      results.push(await extractPartition(deps, { run, partition }, context));
    if (new Set(results.map(({ types }) => types)).size <= 1) return results;
  }
}
