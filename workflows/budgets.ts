/**
 * What a failed attempt of a step costs. There are three budgets: deaths of workers (and workers that refuse the run),
 * waiting for something that comes back (a locked target, a full disk), and failures. None is charged for another.
 */
import { TimeoutType } from '@temporalio/common';
import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import type { RetrySettings } from '../pipeline/config/schema';
import { awaitedBy, NON_RETRYABLE_CODES, WAITING_CODES } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { detailsIn } from './failures';

/** Until prepare has read the pipeline file. */
export const DEFAULT_RETRY_SETTINGS: RetrySettings = {
  retry: {
    enabled: true,
    max_attempts: 3,
    backoff_strategy: 'exponential',
    backoff_multiplier: 2,
    initial_backoff_seconds: 1,
    max_backoff_seconds: 60,
  },
  busy_timeout_seconds: 600,
};

/** The time before the next attempt. */
export interface Pause {
  ms: number;
  /** Set when the step waits for something that comes back: `waiting for disk space: …`. */
  waitingFor?: string;
}

export interface Budgets {
  /** Attempts that were failures, and the one that is running or has ended the step. */
  attempts(): number;
  /**
   * @param tookMs duration of the attempt
   * @returns undefined when there must be no further attempt
   */
  spend(error: unknown, tookMs: number): Pause | undefined;
}

/**
 * @param step name of the step
 * @param random from 0 to 1; in a workflow Math.random gives the same numbers when it is replayed
 */
export function createBudgets(
  step: string,
  settings: () => RetrySettings,
  random: () => number = Math.random,
): Budgets {
  let [deaths, refusals, failures, waits, waitedMs] = [0, 0, 0, 0, 0];
  return {
    attempts: () => failures + 1,
    spend(error, tookMs) {
      const cause = causeOf(error);
      switch (kindOf(step, cause)) {
        case 'final':
          return undefined;
        case 'death':
          deaths += 1;
          return deaths > LIMITS.deathsMax ? undefined : { ms: 0 };
        // The worker may not be the only one: others are given time to take the step.
        case 'refusal': {
          if (refusals >= LIMITS.refusalsMax) return undefined;
          const ms = Math.min(100 * 2 ** refusals, LIMITS.refusalPauseMs);
          refusals += 1;
          return { ms, waitingFor: `waiting for another worker: ${reasonOf(cause)}` };
        }
        case 'wait': {
          const asked = detailsIn(error).retry_after_ms ?? 0;
          const ms = Math.max(asked, Math.min(2 ** waits * LIMITS.waitPauseMsMin, LIMITS.waitPauseMsMax));
          waits += 1;
          waitedMs += Math.min(tookMs, LIMITS.waitAttemptMsMax) + ms;
          if (waitedMs > settings().busy_timeout_seconds * 1000) return undefined;
          return { ms, waitingFor: `waiting for ${awaitedBy(step, codeOf(cause))}: ${reasonOf(cause)}` };
        }
        case 'failure': {
          const { retry } = settings();
          if (!retry.enabled || failures + 1 >= retry.max_attempts) return undefined;
          failures += 1;
          const jitter = 1 - random() * JITTER;
          return { ms: Math.max(backoffMs(retry, failures) * jitter, detailsIn(error).retry_after_ms ?? 0) };
        }
      }
    },
  };
}

/** What Temporal tells about a failed attempt; undefined for a cancellation, and for errors of the workflow itself. */
function causeOf(error: unknown): Error | undefined {
  return error instanceof ActivityFailure && !isCancellation(error) ? error.cause : undefined;
}

function kindOf(step: string, cause: Error | undefined): 'final' | 'death' | 'refusal' | 'wait' | 'failure' {
  if (cause === undefined) return 'final';
  if (cause instanceof TimeoutFailure)
    return cause.timeoutType === TimeoutType.HEARTBEAT ? 'death' : 'failure';
  const code = codeOf(cause);
  if (code === 'WORKER_SHUTDOWN') return 'death';
  if (code === 'WRONG_WORKER') return 'refusal';
  if (awaitedBy(step, code) !== undefined) return 'wait';
  // PATH_UNWRITABLE too is tried again at the end, and only there.
  if (WAITING_CODES.has(code)) return step === 'prepare' ? 'final' : 'failure';
  const refused = cause instanceof ApplicationFailure && cause.nonRetryable === true;
  return refused || NON_RETRYABLE_CODES.includes(code) ? 'final' : 'failure';
}

/** May also be a code that is not of the closed list: WORKER_SHUTDOWN, or of another version. */
function codeOf(cause: Error | undefined): string {
  return (cause instanceof ApplicationFailure && cause.type) || '';
}

/** Without its full stop: more follows it. */
function reasonOf(cause: Error | undefined): string {
  return (cause?.message ?? '').replace(/\.$/, '');
}

/** So much shorter a pause may be by chance. */
const JITTER = 0.25;

function backoffMs(retry: RetrySettings['retry'], failures: number): number {
  const factors = {
    constant: 1,
    linear: failures,
    exponential: retry.backoff_multiplier ** (failures - 1),
  };
  const seconds = retry.initial_backoff_seconds * factors[retry.backoff_strategy];
  return Math.min(seconds, retry.max_backoff_seconds) * 1000;
}
