/**
 * Keeps an activity's heartbeat while it works, and hands it the signal of its cancellation.
 *
 * A heartbeat shows that the activity is alive, and its progress; the resume point is in staging and load ledger.
 * Cancellation arrives with the answer to a heartbeat, so the interval bounds how late it comes.
 */
import { Context } from '@temporalio/activity';
import { LIMITS } from '../pipeline/limits';

/** What a heartbeat carries: the progress of the step, 0 to 1. */
export interface Heartbeat {
  done: number;
}

export async function withLiveness<T>(
  work: (signal: AbortSignal, progress: (done: number) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let done = 0;
  const beat = (): void => context.heartbeat({ done } satisfies Heartbeat);
  const timer = setInterval(beat, LIMITS.heartbeatIntervalMs);
  try {
    return await work(context.cancellationSignal, (value) => (done = value));
  } finally {
    clearInterval(timer);
  }
}
