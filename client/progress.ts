/** Shows how far a run is: a bar on a terminal, lines elsewhere. */
import type { Client, WorkflowHandle } from '@temporalio/client';
import { SingleBar } from 'cli-progress';
import { LIMITS } from '../pipeline/limits';
import { count } from '../pipeline/markdown';
import type { StepName } from '../pipeline/report';
import type { Logger } from '../runtime/log';
import { progressQuery, type Progress } from '../workflows/messages';
import type { CommandContext } from './context';

/** The share of a run's time that is behind it when a step begins, and the step's own; from measured runs. */
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
 * @returns a function that ends the display and waits for the last look: a request that is tried again on a
 *   closed connection would end the process. Calling it twice is fine.
 */
export function watchProgress(
  context: CommandContext,
  client: Client,
  handle: WorkflowHandle,
  log: Logger,
): () => Promise<void> {
  const display = context.interactive ? createBar(context) : createLines(log);
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  const look = async (): Promise<void> => {
    // A query fails while no worker has the workflow; the next look may find one.
    const progress = await client
      .withDeadline(Date.now() + LIMITS.progressDeadlineMs, () => readProgress(handle))
      .catch(() => undefined);
    if (stopped) return;
    if (progress) display.show(progress.progress, progress.fraction);
    lookIn(LIMITS.progressIntervalMs);
  };
  const lookIn = (delayMs: number): void => {
    timer = setTimeout(() => {
      looking = look();
    }, delayMs);
  };
  lookIn(LIMITS.progressFirstMs);
  return async () => {
    if (!stopped) display.stop();
    stopped = true;
    clearTimeout(timer);
    await looking;
  };
}

interface Display {
  show(progress: Progress, fraction: number): void;
  stop(): void;
}

async function readProgress(handle: WorkflowHandle): Promise<{ progress: Progress; fraction: number }> {
  const [progress, description] = await Promise.all([handle.query(progressQuery), handle.describe()]);
  // Activities at work tell by heartbeat how much of their part is done, from 0 to 1.
  let inFlight = 0;
  for (const activity of description.raw.pendingActivities ?? []) {
    inFlight += heartbeatOf(activity.heartbeatDetails?.payloads?.[0]?.data);
  }
  const parts = Math.max(1, progress.parts_total);
  const [before, own] = SHARES[progress.step];
  return { progress, fraction: before + own * Math.min(1, (progress.parts_done + inFlight) / parts) };
}

function heartbeatOf(data: Uint8Array | null | undefined): number {
  if (!data) return 0;
  const { done } = JSON.parse(Buffer.from(data).toString()) as { done?: number };
  return typeof done === 'number' && done >= 0 && done <= 1 ? done : 0;
}

function createBar(context: CommandContext): Display {
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {step} | {rows} rows read | {duration_formatted}',
    stream: context.stderr as NodeJS.WritableStream,
    hideCursor: true,
    clearOnComplete: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  let started = false;
  return {
    show(progress, fraction) {
      const values = { step: stepText(progress), rows: count(progress.rows_read) };
      if (!started) bar.start(100, 0, values);
      started = true;
      bar.update(Math.floor(fraction * 100), values);
    },
    stop() {
      if (started) bar.stop();
    },
  };
}

function createLines(log: Logger): Display {
  let last = '';
  let lastMs = 0;
  return {
    show(progress, fraction) {
      const step = stepText(progress);
      const nowMs = performance.now();
      if (step === last && nowMs - lastMs < LIMITS.progressLineMs) return;
      last = step;
      lastMs = nowMs;
      log.info(`${Math.floor(fraction * 100)} % ${step}, ${count(progress.rows_read)} rows read`);
    },
    stop: () => undefined,
  };
}

function stepText(progress: Progress): string {
  return progress.parts_total > 1
    ? `${progress.step} ${progress.parts_done}/${progress.parts_total}`
    : progress.step;
}
