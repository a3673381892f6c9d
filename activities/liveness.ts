/**
 * Keeps an activity's heartbeat while it works, and hands it the signal of its cancellation.
 *
 * A heartbeat says "alive" and how far the step is; the resume point is in the staged parts and the ledger.
 * Cancellation arrives with the answer to a heartbeat, so the interval bounds how late it comes.
 */
import { Context } from '@temporalio/activity';
import { LIMITS } from '../pipeline/limits';

/** What a heartbeat carries: progress of the step in its own unit. */
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
