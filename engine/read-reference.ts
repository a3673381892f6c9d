/** Other data than the input, for checks: read as the source of a run of its own, in scratch, with all its rules. */
import { join } from 'node:path';
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import { emptySql } from '../pipeline/transforms/transform-sql';
import type { Schema } from '../pipeline/types';
import type { Reference } from '../plugin/check';
import { createLocalStore } from '../runtime/staging/local';
import { PLAN } from '../runtime/staging/parts';
import { withContext, type StepContext } from './context';
import type { Deps } from './deps';
import { extractAll } from './extract-all';
import { rowsSql } from './parts';
import { planRun } from './plan-run';
import { referenceConfig } from './reference';
import { wholeParts } from './whole-parts';

/** Rows of a reference as a relation of SQL, typed. */
export interface ReadReference {
  rows: string;
  schema: Schema;
}

/**
 * @param name of a folder in the scratch folder of the step, where the rows stay until its end
 * @throws FlexetlError of its source; RECORDS_REJECTED where a record does not fit
 */
export async function readReference(
  deps: Deps,
  config: PipelineConfig,
  reference: Reference,
  name: string,
  context: StepContext,
): Promise<ReadReference> {
  const staging = createLocalStore(join(context.scratchDir, name));
  const own = { ...deps, staging };
  const run = { project: 'reference', pipeline: 'reference', runKey: 'reference' };
  return withContext(own, run, context, async (inner) => {
    await inner.staging.commit(PLAN, await planRun(own, referenceConfig(deps, config, reference), inner));
    const results = await extractAll(own, run, inner);
    const rejected = results.reduce((sum, part) => sum + part.rejected, 0);
    if (rejected > 0) {
      throw new FlexetlError('RECORDS_REJECTED', {
        message: `${rejected} ${rejected === 1 ? 'record of the reference does' : 'records of the reference do'} not fit.`,
        hint: 'Nothing was loaded. Correct the reference, or the types and options of its source.',
      });
    }
    const { schema, parts } = await wholeParts(own, run, inner, { partition: null, read: true });
    return { schema, rows: `(${rowsSql(parts, schema) ?? emptySql(schema)})` };
  });
}
