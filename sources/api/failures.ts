/** The errors of the API source. They say which page and address, and never hold a secret: only the url as written. */
import { addDetails } from '../../pipeline/error-details';
import { FlexetlError, type ErrorCode } from '../../pipeline/errors';

/** What is read, for messages: `api page 7 (https://host/orders)`. */
export type Place = string;

export function placeOf(url: string, page: number, entry?: number): Place {
  const of = entry === undefined ? '' : `, entry ${entry + 1} of for_each`;
  return `api page ${page + 1}${of} (${shownUrl(url)})`;
}

/** Without query, where secrets are more common than elsewhere. */
export function shownUrl(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

export function unreadable(place: Place, what: string, hint: string, cause?: unknown): FlexetlError {
  return fail('SOURCE_UNREADABLE', place, what, hint, cause);
}

/** A failure that may pass: the step is tried again. */
export function unreachable(place: Place, what: string, cause?: unknown): FlexetlError {
  return fail(
    'SOURCE_UNREACHABLE',
    place,
    what,
    'Check the service; fault_tolerance.retry says how often a step is tried.',
    cause,
  );
}

/** The service asks to wait: the run waits, and says so. */
export function busy(place: Place, what: string, afterMs: number | undefined): FlexetlError {
  const asked = afterMs === undefined ? '' : `, and asks to wait for ${Math.ceil(afterMs / 1000)} s`;
  const hint =
    'Set rate_limit to what the service allows; a run waits up to fault_tolerance.busy_timeout_seconds.';
  const error = fail('SOURCE_BUSY', place, what + asked, hint);
  if (afterMs !== undefined) addDetails(error, { retry_after_ms: Math.ceil(afterMs) });
  return error;
}

export function changed(place: Place, what: string, hint: string): FlexetlError {
  return fail('SOURCE_CHANGED', place, what, hint);
}

function fail(code: ErrorCode, place: Place, what: string, hint: string, cause?: unknown): FlexetlError {
  return new FlexetlError(code, { message: `${place}: ${what}.`, hint, cause });
}
