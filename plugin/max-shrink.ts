/** The option of `replace` that stops a run whose result is much smaller than what it would replace. */
import { z } from 'zod';
import { FlexetlError } from '../pipeline/errors';

/** `max_shrink`, for the options of a target that has the mode replace. */
export function maxShrink() {
  return z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'For replace: the share of the existing rows that may be missing in the result, 0.2 is a fifth. With fewer rows, or none, nothing is published.',
    );
}

/**
 * @param before rows that are there now
 * @param rows that replace them
 * @throws FlexetlError CHECK_FAILED
 */
export function assertNotShrunk(
  place: string,
  before: number,
  rows: number,
  share: number | undefined,
): void {
  if (share === undefined) return;
  // Of 10 rows 0.7 may be missing: 3 are enough, and not the 3.0000000000000004 of the computation.
  const least = Math.ceil(before * (1 - share) - 1e-9);
  if (rows >= least) return;
  throw new FlexetlError('CHECK_FAILED', {
    message: `${place} has ${before} rows, the result has ${rows}: with max_shrink ${share} it must have at least ${least}. Nothing was published.`,
    hint: 'Is the source complete? If the result is right, run the pipeline once with a larger max_shrink.',
  });
}
