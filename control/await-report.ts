/** The run report of a workflow, however it ended. */
import {
  CancelledFailure,
  isGrpcDeadlineError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { ERROR_CODES, FlexetlError, messageOf, type ErrorCode } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { RunReport } from '../pipeline/report';
import { reportQuery } from '../workflows/messages';
import type { RunHandle } from './run-handle';

/**
 * Waits for the end of a run.
 * @throws FlexetlError RUN_TERMINATED when somebody ended it by force; INTERNAL when it ended without a report
 */
export async function awaitReport(handle: RunHandle): Promise<RunReport> {
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure && isReport(cause.details?.[0])) return cause.details[0];
    if (cause instanceof CancelledFailure) return queryReport(handle);
    if (cause instanceof TerminatedFailure || cause instanceof TimeoutFailure)
      throw await terminated(handle, cause);
    if (cause instanceof ApplicationFailure && isCode(cause.type))
      throw new FlexetlError(cause.type, { message: cause.message, cause: error });
    throw new FlexetlError('INTERNAL', {
      message: `The workflow ${handle.workflowId} ended without a report: ${messageOf(cause)}.`,
      hint: 'The Web UI and the log of the workers show why.',
      cause: error,
    });
  }
}

/**
 * A query can be given to a worker that has just left, and is then never answered: it is asked again, and another worker
 * gets it.
 */
async function queryReport(handle: RunHandle): Promise<RunReport> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const deadlineMs = Date.now() + LIMITS.reportDeadlineMs;
      return await handle.client.withDeadline(deadlineMs, () => handle.query(reportQuery));
    } catch (error) {
      if (attempt === LIMITS.reportAttemptsMax || !isGrpcDeadlineError(error)) throw error;
    }
  }
}

/** Waits for the end of a run, whatever it is. */
export async function awaitEnd(handle: RunHandle): Promise<void> {
  try {
    await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
  }
}

/** It has cleaned up nothing, and nobody knows from outside whether it had published. */
async function terminated(handle: RunHandle, cause: Error): Promise<FlexetlError> {
  const { memo } = await handle.describe();
  const key = typeof memo?.['run_key'] === 'string' ? memo['run_key'] : undefined;
  const how = cause instanceof TerminatedFailure ? 'was terminated' : 'has timed out';
  return new FlexetlError('RUN_TERMINATED', {
    message: `The workflow ${handle.workflowId} ${how}: ${messageOf(cause)}. Each of its targets is published, or as it was before.`,
    hint:
      key === undefined
        ? 'Run again.'
        : `Run again with --run-key ${JSON.stringify(key)}: what is published is then not loaded twice.`,
    cause,
  });
}

function isCode(type: string | null | undefined): type is ErrorCode {
  return type != null && Object.hasOwn(ERROR_CODES, type);
}

function isReport(value: unknown): value is RunReport {
  return typeof value === 'object' && value !== null && 'run_key' in value;
}
