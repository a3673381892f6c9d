/** What every activity has in common: liveness, scratch, cancellation, failures, a log line, a bounded result. */
import { join } from 'node:path';
import { activityInfo, ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { messageOf } from '../pipeline/errors';
import { assertSmall } from '../pipeline/payload';
import type { Tools } from '../pipeline/plugin';
import type { PluginContext } from '../plugin/context';
import { createSharedFiles } from '../runtime/staging/shared-files';
import { openStaging, type RunRef, type Staging } from '../runtime/staging';
import { createContext } from '../engine/context';
import type { Deps } from '../engine/deps';
import { toFailure } from './failures';
import { withLiveness } from './liveness';

export interface StepTools extends Tools {
  staging: Staging;
}

/** The tools of a step as a plugin sees them. */
export function contextOf(deps: Deps, tools: Omit<StepTools, 'staging'>): PluginContext {
  return createContext(deps, { ...tools, shared: createSharedFiles(join(tools.runDir, 'shared')) });
}

/** Every result tells which attempt made it; the report sums them up. */
export type StepResult<T> = T & { attempt: number };

/**
 * Makes an activity from a step.
 * @param name the step's name in logs
 * @throws ApplicationFailure only, typed with an error code
 */
export function createStep<I extends { run: RunRef }, O extends object>(
  deps: Deps,
  name: string,
  work: (input: I, tools: StepTools) => Promise<O>,
): (input: I) => Promise<StepResult<O>> {
  return async (input) => {
    const { attempt } = activityInfo();
    const log = deps.log.child({ pipeline: input.run.pipeline, run: input.run.runKey, step: name, attempt });
    const startedMs = performance.now();
    try {
      const result = await withLiveness(async (signal, progress) => {
        const staging = await openStaging(deps.settings.stagingDir, input.run);
        return staging.withScratch((scratchDir) =>
          work(input, {
            projectDir: deps.settings.projectDir,
            runDir: staging.dir,
            scratchDir,
            signal,
            progress,
            staging,
          }),
        );
      });
      assertSmall(name, result);
      log.debug({ ms: Math.round(performance.now() - startedMs) }, 'step done');
      return { ...result, attempt };
    } catch (error) {
      log.warn({ err: error }, `${name} failed: ${messageOf(error)}`);
      throw endingFailure() ?? toFailure(error);
    }
  };
}

/**
 * The failure of an activity that was told to end, whatever error that made of the work it was in.
 * @returns undefined when it was not told to
 */
function endingFailure(): Error | undefined {
  const { cancellationSignal, cancellationDetails } = Context.current();
  if (!cancellationSignal.aborted) return undefined;
  // A worker that goes away aborts the signal as well, though nobody asked for the run to be cancelled.
  return cancellationDetails?.cancelRequested ? new CancelledFailure('Cancelled.') : shutdownFailure();
}

/** Not for Temporal to retry, which would cost an attempt: the workflow starts it anew, see workflows/steps.ts. */
function shutdownFailure(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('The worker was shut down.', 'WORKER_SHUTDOWN');
}
