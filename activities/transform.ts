/** Transform: staged parts of the source become an output part, see `engine/transform.ts`. */
import { join } from 'node:path';
import type { Deps } from '../engine/deps';
import { OUTPUT_FILE, plannedSchema, readPlan, sessionOptions, type OutputPlan } from '../engine/plan';
import { pluginsOf } from '../engine/resolve-config';
import { transformParts, type StagedPart } from '../engine/transform';
import type { StepCount } from '../pipeline/row-balance';
import type { Evidence } from '../pipeline/schema';
import { planTransforms } from '../pipeline/transforms/plan';
import type { Schema } from '../pipeline/types';
import { withDuckdb } from '../runtime/duckdb';
import type { RunRef, Staging } from '../runtime/staging';
import { createStep, type StepResult } from './step';

export interface TransformInput {
  run: RunRef;
  /** Index of the output part. */
  part: number;
  /** The chunk to transform; null: all of them. */
  chunk: number | null;
  wider: Evidence;
}

export interface TransformResult {
  rows: number;
  counts: readonly StepCount[];
}

export function createTransform(deps: Deps): (input: TransformInput) => Promise<StepResult<TransformResult>> {
  return createStep(deps, 'transform', async (input: TransformInput, tools) => {
    const plan = await readPlan(tools.staging);
    const schema = plannedSchema(plan, input.wider);
    const steps = planTransforms(
      plan.config.transformations,
      schema,
      pluginsOf(deps, plan.config).transforms,
    );
    const chunks = input.chunk === null ? plan.chunks.map((chunk) => chunk.index) : [input.chunk];
    const parts = await Promise.all(chunks.map((chunk) => findPart(tools.staging, chunk, schema)));
    const scratchFile = join(tools.scratchDir, 'output.parquet');
    const transformed = await withDuckdb(sessionOptions(plan.config, tools), (db) =>
      transformParts(db, steps, schema, parts, scratchFile),
    );
    const output: OutputPlan = { schema: steps.at(-1)?.plan.schema ?? schema };
    await tools.staging.writeJson(OUTPUT_FILE, output);
    await tools.staging.commit(scratchFile, tools.staging.outputPart(input.part));
    return transformed;
  });
}

async function findPart(staging: Staging, chunk: number, schema: Schema): Promise<StagedPart> {
  const groups = staging.groupsPart(chunk, schema);
  return (await staging.has(groups))
    ? { path: groups, kind: 'groups', index: chunk }
    : { path: staging.extractPart(chunk, schema), kind: 'rows', index: chunk };
}
