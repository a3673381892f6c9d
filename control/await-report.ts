/** The run report of a workflow, however it ended. */
import { CancelledFailure, TerminatedFailure, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { FlexetlError, messageOf } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import { reportQuery } from '../workflows/messages';
import type { RunHandle } from './run-handle';

/**
 * Waits for the end of a run.
 * @throws FlexetlError INTERNAL when it ended without a report, as after `temporal workflow terminate`
 */
export async function awaitReport(handle: RunHandle): Promise<RunReport> {
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure && isReport(cause.details?.[0])) return cause.details[0];
    if (cause instanceof CancelledFailure) return handle.query(reportQuery);
    const how = cause instanceof TerminatedFailure ? 'was terminated' : 'ended without a report';
    throw new FlexetlError('INTERNAL', {
      message: `The workflow ${handle.workflowId} ${how}: ${messageOf(cause)}.`,
      hint: 'Run the pipeline again; no published row is lost or doubled.',
      cause: error,
    });
  }
}

function isReport(value: unknown): value is RunReport {
  return typeof value === 'object' && value !== null && 'run_key' in value;
}
