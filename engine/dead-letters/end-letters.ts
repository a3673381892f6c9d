/** What becomes of the dead letters of a run when it publishes and when it ends. */
import type { ReplayRef } from '../../pipeline/dead-letter';
import { freeParts, noteNewer, queuePath, removeDraft, revealQueue } from '../../runtime/dead-letters/queue';
import { dropReplay, readState, closeReplay } from '../../runtime/dead-letters/replays';
import type { RunRef } from '../../runtime/staging/store';
import type { Deps } from '../deps';
import type { RunPlan } from '../plan';
import { modesOf } from './mode';
import { findQueue } from './letters-source';

/** After a publish: the letters of the run are seen, and those of earlier runs are known to be older. Idempotent. */
export async function revealLetters(
  deps: Deps,
  { config }: RunPlan,
  { pipeline, runKey }: RunRef,
  publishedAt: string,
): Promise<void> {
  if (config.source.letters) return;
  const { projectDir } = deps.settings;
  const { path } = config.fault_tolerance.dead_letter_queue;
  await revealQueue(projectDir, queuePath(path, pipeline, runKey));
  const older = await noteNewer(projectDir, path, pipeline, { run_key: runKey, published_at: publishedAt });
  // Rows of a table that was replaced are never loaded again.
  if (modesOf(deps, config).includes('replace')) for (const queue of older) await freeParts(queue);
}

/** A replay has succeeded: the letters that it has loaded leave the queue. */
export async function closeReplayOf({ settings }: Deps, { queue: path, number }: ReplayRef): Promise<void> {
  const queue = await findQueue({ queue: path }, settings.projectDir);
  await closeReplay(queue.dir, number);
  const { replayed } = await readState(queue);
  if (replayed.size === queue.head.records) await freeParts(queue);
}

/** A run has published nothing: its letters are not seen, and a replay is taken back. */
export async function dropLetters(
  { settings }: Deps,
  plan: RunPlan | undefined,
  { pipeline, runKey }: RunRef,
  replay: ReplayRef | undefined,
): Promise<void> {
  const { projectDir } = settings;
  if (replay) return dropReplay((await findQueue(replay, projectDir)).dir, replay.number);
  if (!plan) return;
  const { path } = plan.config.fault_tolerance.dead_letter_queue;
  await removeDraft(projectDir, queuePath(path, pipeline, runKey));
}
