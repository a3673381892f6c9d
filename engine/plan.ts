/** What prepare decides for the whole run, staged as the receipt `plan`; every later step reads it. */
import type { PipelineConfig } from '../pipeline/config/schema';
import { LIMITS } from '../pipeline/limits';
import type { EvidenceEntries, SourceColumn } from '../pipeline/schema';
import type { Partitions, SourceSurvey } from '../plugin/source';
import { defaultMemoryMb, type DuckdbOptions } from '../runtime/duckdb';
import { PLAN, stagingMissing } from '../runtime/staging/parts';
import type { RunStaging } from '../runtime/staging/store';
import type { StepContext } from './context';

/** The rows of a run, before anything is read: they follow from the files and from what is done with them. */
export interface Content {
  digest: string;
  /** For messages. */
  words: string;
}

export interface RunPlan {
  /** Digest of the rest. */
  id: string;
  config: PipelineConfig;
  /** Of the configuration. */
  digest: string;
  content: Content;
  survey: SourceSurvey;
  /** Of an incremental source: its identity, and the digest of the state before, null for none. */
  state?: { source: string; before: string | null };
  partitions: Partitions;
  columns: readonly SourceColumn[];
  /** From the sample, as JSON can hold it; extract adds more, see `evidence.ts`. */
  evidence: EvidenceEntries;
  /** Extract writes partial groups instead of rows where it can, see `pipeline/transforms/partial-groups.ts`. */
  groups: boolean;
}

/** @throws FlexetlError STAGING_MISSING, STAGING_DAMAGED */
export async function readPlan(staging: RunStaging): Promise<RunPlan> {
  const part = await staging.fetch<RunPlan>(PLAN);
  if (part) return part.receipt;
  throw stagingMissing('The plan of the run is missing in the staging folder.');
}

/** The number of partitions processed at the same time, over all workers. */
export function parallelWorkersOf({ scalability }: PipelineConfig): number {
  return scalability.processing.parallel_workers ?? LIMITS.parallelWorkersDefault;
}

/** The share of the machine that one of `parallel_workers` activities may use. */
export function sessionOptions(
  config: PipelineConfig,
  { staging, signal }: Pick<StepContext, 'staging' | 'signal'>,
): DuckdbOptions {
  const { memory } = config.scalability;
  return {
    dir: staging.localDir,
    memoryMb: Math.max(
      LIMITS.duckdbMemoryMbMin,
      Math.floor((memory.limit_mb ?? defaultMemoryMb()) / parallelWorkersOf(config)),
    ),
    spill: memory.spill_to_disk,
    signal,
  };
}
