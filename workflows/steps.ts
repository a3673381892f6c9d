/** The one place with timeouts and retries of activities. */
import { TimeoutType } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  sleep,
  TimeoutFailure,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { PipelineConfig } from '../pipeline/config/schema';
import { NON_RETRYABLE_CODES } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';

export type RetrySettings = PipelineConfig['fault_tolerance']['retry'];

export const DEFAULT_RETRY: RetrySettings = {
  enabled: true,
  max_attempts: 3,
  backoff_strategy: 'exponential',
  backoff_multiplier: 2,
  initial_backoff_seconds: 1,
  max_backoff_seconds: 60,
};

type ActivityName = keyof Activities;
type InputOf<N extends ActivityName> = Parameters<Activities[N]>[0];
type Results = { [N in ActivityName]: Awaited<ReturnType<Activities[N]>> };

export type RunStep = <N extends ActivityName>(
  name: N,
  summary: string,
  input: InputOf<N>,
) => Promise<Results[N]>;

/**
 * Calls activities under one policy. Failed attempts count against `max_attempts`. The death or shutdown of a worker is
 * not a failure of the step: the step is started again, up to `LIMITS.deathsMax` times. A worker that refuses the run may
 * not be the only one: others are given time to take the step.
 */
export function createSteps(retry: RetrySettings): RunStep {
  const activities = proxyActivities<Activities>(optionsFor(retry));
  return async <N extends ActivityName>(name: N, summary: string, input: InputOf<N>) => {
    let deaths = 0;
    for (let refusals = 0; ;) {
      try {
        // The proxy's functions are typed one by one; a name and its input belong together by RunStep.
        const activity = activities[name] as unknown as {
          executeWithOptions(options: ActivityOptions, args: [unknown]): Promise<Results[N]>;
        };
        return await activity.executeWithOptions({ ...optionsFor(retry), summary }, [input]);
      } catch (error) {
        if (isRefusal(error) && refusals < LIMITS.refusalsMax) {
          await sleep(Math.min(100 * 2 ** refusals, LIMITS.refusalPauseMs));
          refusals += 1;
        } else if (isDeath(error) && deaths < LIMITS.deathsMax) deaths += 1;
        else throw error;
      }
    }
  };
}

function optionsFor(retry: RetrySettings): ActivityOptions {
  return {
    startToCloseTimeout: '24 hours',
    scheduleToCloseTimeout: '7 days',
    heartbeatTimeout: LIMITS.heartbeatTimeoutMs,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: {
      maximumAttempts: retry.enabled ? retry.max_attempts : 1,
      initialInterval: retry.initial_backoff_seconds * 1000,
      backoffCoefficient: retry.backoff_strategy === 'constant' ? 1 : retry.backoff_multiplier,
      maximumInterval: retry.max_backoff_seconds * 1000,
      // A worker that died costs no attempt: the workflow starts the step again.
      nonRetryableErrorTypes: [...NON_RETRYABLE_CODES, 'TemporalTimeout:Heartbeat'],
    },
  };
}

/** The worker is of another project, or has another staging store. */
function isRefusal(error: unknown): boolean {
  return error instanceof ActivityFailure && hasType(error.cause, 'WRONG_WORKER');
}

function hasType(cause: unknown, type: string): boolean {
  return cause instanceof ApplicationFailure && cause.type === type;
}

function isDeath(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) return cause.timeoutType === TimeoutType.HEARTBEAT;
  return hasType(cause, 'WORKER_SHUTDOWN');
}
