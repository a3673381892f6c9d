/** The end of a run whose incremental source has nothing that the targets do not have: it ends with prepare. */
import { digestOf } from '../pipeline/config/parse';
import type { PipelineConfig } from '../pipeline/config/schema';
import type { SavedState } from '../plugin/target';
import type { Deps } from './deps';
import { targetOf } from './load';
import { parallelWorkersOf } from './plan';

export interface NothingNew {
  /** What was found, for users. */
  nothingNew: string;
  saved: SavedState;
}

/** @param without places of targets that are down: nobody knows what they have */
export function nothingNew(
  deps: Deps,
  config: PipelineConfig,
  { nothingNew: found, saved }: NothingNew,
  without: readonly number[],
) {
  const { runKey, savedAt } = saved;
  const targets = config.targets.map(({ type }, index) => {
    const { target, options, name } = targetOf(deps, config, index);
    const already = { run_key: runKey, published_at: savedAt, rows: 0 };
    return { type, name, mode: target.mode(options), ...(!without.includes(index) && { already }) };
  });
  return {
    digest: digestOf(config),
    partitions: 0,
    bytes: 0,
    files: [],
    targets,
    perPartition: true,
    parallelWorkers: parallelWorkersOf(config),
    faultTolerance: config.fault_tolerance,
    warnings: [`${found}: 0 rows now. The last were loaded by run ${runKey} at ${savedAt}.`],
  };
}
