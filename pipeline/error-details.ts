/** What the workflow must know of a failed step beside its code and message. */
import type { RetrySettings } from './config/schema';
import type { CheckReport, ErrorReport } from './report';

/** Small JSON, free of rows. */
export interface ErrorDetails {
  /** Of a pipeline whose prepare failed after it had read them. */
  fault_tolerance?: RetrySettings;
  /** The results of all checks, of which one has failed. */
  checks?: readonly CheckReport[];
  /** The targets that are down, when others are not: the run can go on without them. */
  down?: readonly DownTarget[];
  /** A service asks for this pause before the next attempt. */
  retry_after_ms?: number;
}

/** A target that is locked, does not answer, or cannot be used: its password is wrong, its path is a folder. */
export interface DownTarget {
  /** Place in the pipeline file's list of targets. */
  target: number;
  error: ErrorReport;
}

/** @param error whatever was thrown: also errors of the system, which get their code later */
export function addDetails(error: unknown, details: ErrorDetails): unknown {
  return error instanceof Error
    ? Object.assign(error, { details: { ...detailsOf(error), ...details } })
    : error;
}

export function detailsOf(error: unknown): ErrorDetails {
  return (error as { details?: ErrorDetails } | null | undefined)?.details ?? {};
}
