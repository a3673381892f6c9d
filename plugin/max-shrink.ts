/** What the option `max_shrink` of a target refuses. Apart from the option: threads of targets need no schemas. */
import { FlexetlError } from '../pipeline/errors';

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
