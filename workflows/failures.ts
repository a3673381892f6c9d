/** Failures of activities as the report shows them, and the report as the workflow's own failure. */
import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import type { FailureDetails } from '../activities/failures';
import { ERROR_CODES, FlexetlError, messageOf, type ErrorCode } from '../pipeline/errors';
import type { ErrorReport, RunReport, StepName } from '../pipeline/report';

export function errorReportOf(error: unknown, step: StepName): ErrorReport {
  if (isCancellation(error)) return { code: 'CANCELLED', message: 'The run was cancelled.', step };
  const cause = error instanceof ActivityFailure && error.cause ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const { hint, places } = detailsIn(cause);
    return {
      code: codeOf(cause.type),
      message: cause.message,
      step,
      ...(hint !== undefined && { hint }),
      ...(places && { places }),
    };
  }
  if (cause instanceof FlexetlError) {
    return {
      code: cause.code,
      message: cause.message,
      step,
      ...(cause.hint !== undefined && { hint: cause.hint }),
    };
  }
  if (cause instanceof TimeoutFailure) {
    const message = `The step ${step} was given up: its workers stopped answering (${cause.timeoutType}).`;
    return {
      code: 'TRANSIENT',
      message,
      step,
      hint: 'Check the logs of the workers: memory, disk, crashes.',
    };
  }
  return { code: 'INTERNAL', message: messageOf(cause), step };
}

/** What a step has told beside its code and message, when it failed for good. */
export function detailsIn(error: unknown): FailureDetails {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const [details] = (cause instanceof ApplicationFailure ? (cause.details ?? []) : []) as [FailureDetails?];
  return details ?? {};
}

export function failureOf(report: RunReport): ApplicationFailure {
  return ApplicationFailure.create({
    message: report.error?.message ?? 'The run failed.',
    type: report.error?.code ?? 'INTERNAL',
    nonRetryable: true,
    details: [report],
  });
}

function codeOf(type: string | null | undefined): ErrorCode {
  return type != null && Object.hasOwn(ERROR_CODES, type) ? (type as ErrorCode) : 'INTERNAL';
}
