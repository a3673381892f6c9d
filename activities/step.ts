/** What every activity has in common: liveness, context, cancellation, failures, a log line, a bounded result. */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { withContext, type StepContext } from '../engine/context';
import type { Deps } from '../engine/deps';
import { awaitedBy, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { assertSmall } from '../pipeline/payload';
import type { Ownership } from '../runtime/project';
import { hideSecrets } from '../runtime/secrets';
import type { RunRef } from '../runtime/staging/store';
import { toFailure } from './failures';
import { assertOwn } from './ownership';

/**
 * Makes an activity from a step of the engine.
 * @param name the step's name in logs
 * @throws ApplicationFailure only, typed with an error code
 */
export function createStep<I extends { run: RunRef }, O extends object>(
  deps: Deps,
  owner: Ownership,
  name: string,
  work: (deps: Deps, input: I, context: StepContext) => Promise<O>,
): (input: I) => Promise<O> {
  return async (input) => {
    const log = deps.log.child({ pipeline: input.run.pipeline, run: input.run.runKey, step: name });
    const startedMs = performance.now();
    try {
      assertOwn(deps, owner, input.run);
      const result = await withLiveness((signal, progress) =>
        withContext(deps, input.run, { signal, progress }, (context) => work(deps, input, context)),
      );
      assertSmall(name, result);
      log.debug({ ms: Math.round(performance.now() - startedMs) }, 'step done');
      return result;
    } catch (error) {
      hideSecrets(error);
      const failure = endingFailure() ?? toFailure(error);
      const awaited = failure instanceof ApplicationFailure ? awaitedBy(name, failure.type ?? '') : undefined;
      if (awaited === undefined) log.warn({ err: error }, `${name} failed: ${messageOf(error)}`);
      else log.info({ err: error }, `${name}: waiting for ${awaited}: ${messageOf(failure)}`);
      throw failure;
    }
  };
}

/**
 * Sends heartbeats while the work runs, with its progress (0 to 1), and gives it the signal of its cancellation. A
 * cancellation arrives with the answer to a heartbeat, so the interval limits its delay. The resume point is in staging
 * and the load ledger.
 */
async function withLiveness<T>(
  work: (signal: AbortSignal, progress: (share: number) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let done = 0;
  const beat = (): void => context.heartbeat({ done });
  const timer = setInterval(beat, LIMITS.heartbeatIntervalMs);
  try {
    return await work(context.cancellationSignal, (value) => (done = value));
  } finally {
    clearInterval(timer);
  }
}

/**
 * The failure of an activity that was cancelled or shut down, whatever error its work ended with.
 * @returns undefined when it was neither
 */
function endingFailure(): Error | undefined {
  const { cancellationSignal, cancellationDetails } = Context.current();
  if (!cancellationSignal.aborted) return undefined;
  // A worker that shuts down aborts the signal too, although nobody cancelled the run.
  return cancellationDetails?.cancelRequested ? new CancelledFailure('Cancelled.') : shutdownFailure();
}

/** Not retried by Temporal, which would cost an attempt: the workflow starts it again, see workflows/steps.ts. */
function shutdownFailure(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('The worker was shut down.', 'WORKER_SHUTDOWN');
}
