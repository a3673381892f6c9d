/** What prepare pins for the whole run, staged as plan.json; every later step starts from it. */
import { findPlugin, type PipelineConfig } from '../pipeline/config/schema';
import type { Chunk, Source, SourceSurvey } from '../pipeline/plugin';
import { mergeAllEvidence, stagedSchema, type Evidence, type SourceColumn } from '../pipeline/schema';
import type { Schema } from '../pipeline/types';
import { LIMITS } from '../pipeline/limits';
import { defaultMemoryMb, type DuckdbOptions } from '../runtime/duckdb';
import type { Staging } from '../runtime/staging';
import type { Deps } from './deps';
import { pluginsOf } from './resolve-config';

export interface RunPlan {
  config: PipelineConfig;
  digest: string;
  survey: SourceSurvey;
  chunks: readonly Chunk[];
  columns: readonly SourceColumn[];
  /** From the sample; widened by what extract meets. */
  needs: Evidence;
  /** Parts are to be staged as partial groups: see `pipeline/transforms/partial-groups.ts`. */
  partialGroups: boolean;
}

export const PLAN_FILE = 'plan.json';
export const OUTPUT_FILE = 'output.json';

/** What the transform step says of its output, staged beside the parts. */
export interface OutputPlan {
  schema: Schema;
}

export async function readPlan(staging: Staging): Promise<RunPlan> {
  return staging.readJson<RunPlan>(PLAN_FILE);
}

/** The staged columns with their final types. */
export function plannedSchema(plan: RunPlan, wider: Evidence): Schema {
  return stagedSchema(plan.columns, mergeAllEvidence([plan.needs, wider]));
}

export function sourceOf(deps: Deps, config: PipelineConfig): { source: Source<unknown>; options: unknown } {
  return {
    source: findPlugin(pluginsOf(deps, config).sources, config.source.type),
    options: config.source.options,
  };
}

/** Chunks in work at the same time, over all workers. */
export function parallelWorkersOf({ scalability }: PipelineConfig): number {
  return scalability.processing.parallel_workers ?? LIMITS.parallelWorkersDefault;
}

/** The share of the machine that one of `parallel_workers` activities may use. */
export function sessionOptions(
  config: PipelineConfig,
  tools: { runDir: string; signal: AbortSignal },
): DuckdbOptions {
  const { memory } = config.scalability;
  return {
    dir: tools.runDir,
    memoryMb: Math.max(
      LIMITS.duckdbMemoryMbMin,
      Math.floor((memory.limit_mb ?? defaultMemoryMb()) / parallelWorkersOf(config)),
    ),
    spill: memory.spill_to_disk,
    signal: tools.signal,
  };
}
