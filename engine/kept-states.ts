/**
 * What checks keep of published runs. The small states are in the targets, saved by the publish of the rows that they are
 * about: so only published runs count, and each counts once. Keys of rows are files of the staging store; a file counts
 * when a target names its run.
 */
import type { Position } from '../plugin/source';
import type { OpenTarget, SavedState, StateKey, StateToSave } from '../plugin/target';
import { KEPT } from '../runtime/staging/parts';
import type { RunRef, RunStaging } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';

/** What is kept of a run, by the digest of what a check keeps. */
export interface KeptRun {
  runKey: string;
  /** Counts the published runs of the pipeline. */
  number: number;
  states: Readonly<Record<string, unknown>>;
}

/** The receipt of validate: what the publish of this run saves. */
interface KeptReceipt {
  run: KeptRun;
  /** How many runs are kept, this one included. */
  runsMax: number;
}

/** Among the states of sources, which are digests. */
const SOURCE = 'quality_checks';

export function keptKey({ project, pipeline }: RunRef): StateKey {
  return { project, pipeline, source: SOURCE };
}

/** The published runs of a pipeline, and the number of this one. */
export interface Kept {
  /** Before this run, the latest first. */
  earlier: readonly KeptRun[];
  all: readonly KeptRun[];
  number: number;
  /** Some targets were not asked: there may be more. */
  isPart?: boolean;
}

/**
 * The union of what the targets have: one may lack a run that was published only in part.
 * @param saved of each target
 */
export function uniteKept(saved: readonly (SavedState | undefined)[], runKey: string): Kept {
  const found = new Map(saved.flatMap((one) => runsOf(one?.state)).map((one) => [one.runKey, one]));
  const all = [...found.values()].sort((a, b) => b.number - a.number);
  // Some targets have this run already: it is judged by those before it, as it was then.
  const number = found.get(runKey)?.number ?? (all[0]?.number ?? 0) + 1;
  return { all, number, earlier: all.filter((one) => one.number < number) };
}

function runsOf(state: Position | undefined): readonly KeptRun[] {
  return (state ?? []) as unknown as readonly KeptRun[];
}

/** Stages what the publish of this run saves. */
export async function stageKept(staging: RunStaging, receipt: KeptReceipt): Promise<void> {
  await staging.commit(KEPT, receipt);
}

/** The state for the publish of a target; none where no check keeps anything. */
export async function keptToSave(
  target: OpenTarget,
  run: RunRef,
  staging: RunStaging,
): Promise<StateToSave[]> {
  const kept = (await findWhole<KeptReceipt>(staging, KEPT))?.receipt;
  if (!kept) return [];
  const others = runsOf((await target.state(keptKey(run)))?.state).filter(
    ({ runKey }) => runKey !== run.runKey,
  );
  const runs = [kept.run, ...others].sort((a, b) => b.number - a.number).slice(0, kept.runsMax);
  return [{ source: SOURCE, state: runs as unknown as Position }];
}
