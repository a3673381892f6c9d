/** Watches the progress of a run. */
import type { Client } from '@temporalio/client';
import { LIMITS } from '../pipeline/limits';
import type { StepName } from '../pipeline/report';
import { progressQuery } from '../workflows/messages';
import type { Progress } from '../workflows/run-state';
import { poll } from './poll';
import type { RunHandle } from './run-handle';

export interface RunProgress extends Progress {
  /** Of the whole run, from 0 to 1. */
  fraction: number;
}

/** The share of a run's time before a step, and the share of the step itself; from measured runs. */
const SHARES: Record<StepName, readonly [before: number, own: number]> = {
  prepare: [0, 0.02],
  extract: [0.02, 0.5],
  validate: [0.52, 0.02],
  transform: [0.54, 0.22],
  load: [0.76, 0.2],
  publish: [0.96, 0.03],
  finish: [0.99, 0.01],
};

/**
 * @param show called with each new progress
 * @returns a function that stops watching, as that of {@link poll}
 */
export function watchRun(
  client: Client,
  handle: RunHandle,
  show: (progress: RunProgress) => void,
): () => Promise<void> {
  let stopped = false;
  let shown = 0;
  const look = async (): Promise<void> => {
    // A query fails while no worker has the workflow; the next one may succeed.
    const progress = await client
      .withDeadline(Date.now() + LIMITS.progressDeadlineMs, () => readProgress(handle))
      .catch(() => undefined);
    // In finish the run has already said how it ended.
    if (stopped || !progress || progress.step === 'finish') return;
    // Wider types make a run extract again: it then stays where it was until it is further.
    shown = Math.max(shown, progress.fraction);
    show({ ...progress, fraction: shown });
  };
  const stop = poll(look, LIMITS.progressFirstMs, LIMITS.progressIntervalMs);
  return () => {
    stopped = true;
    return stop();
  };
}

async function readProgress(handle: RunHandle): Promise<RunProgress> {
  const [progress, description] = await Promise.all([handle.query(progressQuery), handle.describe()]);
  // A heartbeat contains how much of its part an activity has done, from 0 to 1.
  let inFlight = 0;
  for (const activity of description.raw.pendingActivities ?? []) {
    inFlight += heartbeatOf(activity.heartbeatDetails?.payloads?.[0]?.data);
  }
  const parts = Math.max(1, progress.parts_total);
  const [before, own] = SHARES[progress.step];
  return { ...progress, fraction: before + own * Math.min(1, (progress.parts_done + inFlight) / parts) };
}

function heartbeatOf(data: Uint8Array | null | undefined): number {
  if (!data) return 0;
  const { done } = JSON.parse(Buffer.from(data).toString()) as { done?: number };
  return typeof done === 'number' && done >= 0 && done <= 1 ? done : 0;
}
