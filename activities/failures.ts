/** The one place where errors become Temporal failures: nothing else crosses the boundary. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { detailsOf, type ErrorDetails } from '../pipeline/error-details';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';

/** What a failure carries beside its code and message; small, and free of rows. */
export interface FailureDetails extends ErrorDetails {
  hint?: string;
  places?: FlexetlError['places'];
}

/** An error as a Temporal failure. Its stack, with paths of this machine, stays in the log. */
export function toFailure(error: unknown): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof FlexetlError && error.code === 'CANCELLED') return new CancelledFailure(error.message);
  const known = error instanceof FlexetlError ? error : asKnown(error);
  const details: FailureDetails = {
    ...(known.hint !== undefined && { hint: known.hint }),
    ...(known.places.length > 0 && { places: known.places }),
    ...detailsOf(error),
  };
  const failure = ApplicationFailure.create({
    message: known.message,
    type: known.code,
    nonRetryable: !known.retryable,
    details: [details],
  });
  failure.stack = '';
  return failure;
}

/** Errors of the operating system and of libraries that mean something to users. */
function asKnown(error: unknown): FlexetlError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const message = messageOf(error).split('\n')[0] ?? '';
  if (code === 'ENOSPC') {
    return new FlexetlError('DISK_FULL', {
      message: `The disk is full: ${message}.`,
      hint: 'Free space; the run then continues.',
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new FlexetlError('PATH_UNWRITABLE', {
      message: `Not permitted: ${message}.`,
      hint: 'Check the owner and mode of that path.',
    });
  }
  return new FlexetlError('INTERNAL', {
    message: `Unexpected: ${message.slice(0, LIMITS.pluginMessageCharsMax)}`,
    hint: 'The stack is in the log file.',
    cause: error,
  });
}
