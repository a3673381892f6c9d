/** The keys of the rows of earlier runs: a file for each run and check, in the staging store, beside the runs. */
import { createHash } from 'node:crypto';
import type { NamedGlobalCheck } from '../pipeline/checks/dataset-check';
import { readParquet } from '../pipeline/sql';
import type { RunRef, RunStaging } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { Deps } from './deps';
import type { Kept } from './kept-states';

export interface EarlierKeys {
  /** Where this run's are put. */
  store: RunStaging;
  paths: readonly string[];
  /** After FROM; undefined where there are none. */
  sql: string | undefined;
  /** Keys of runs whose file is gone. */
  missing: readonly string[];
}

/** @returns undefined for a check that keeps nothing */
export async function findEarlierKeys(
  deps: Deps,
  { project, pipeline, runKey }: RunRef,
  { keeps, keptAs = '' }: NamedGlobalCheck,
  { earlier, all, isPart }: Kept,
): Promise<EarlierKeys | undefined> {
  if (!keeps) return undefined;
  // No pipeline has such a name, and no run is swept there.
  const store = await deps.staging.openRun({ project, pipeline: `.keys/${pipeline}`, runKey: keptAs });
  if (!isPart) await prune(store, [...all.map((one) => one.runKey), runKey]);
  const runs = earlier.filter(({ states }) => keptAs in states).slice(0, keeps.runs);
  const missing: string[] = [];
  const paths: string[] = [];
  for (const one of runs) {
    const path = (await findWhole(store, keysName(one.runKey), 'open'))?.path;
    if (path == null) missing.push(one.runKey);
    else paths.push(path);
  }
  const sql = paths.length > 0 ? `(SELECT DISTINCT key FROM ${readParquet(paths)})` : undefined;
  return { store, paths, sql, missing };
}

export function keysName(runKey: string): string {
  return createHash('sha256').update(runKey).digest('hex').slice(0, 32);
}

/** Removes the keys of runs that no target names: they failed, or are too long ago. */
async function prune(store: RunStaging, runs: readonly string[]): Promise<void> {
  const named = new Set(runs.map(keysName));
  for (const name of await store.list('')) if (!named.has(name)) await store.remove(name);
}
