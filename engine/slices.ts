/** A part is loaded in slices: each is a transaction of the target, which holds its lock for about `LIMITS.loadLockMs`. */
import { stat } from 'node:fs/promises';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';

export interface Slice {
  /** Its number within the part. */
  index: number;
  firstRow: number;
  rows: number;
}

/**
 * Loads all rows of a part, slice after slice. Slices that an earlier attempt has loaded keep the rows they had.
 * @param firstRows rows of the first slice
 * @param next rows of the next slice, from the rows of the last one and the time that it took
 * @param load returns the rows of the slice that the target has
 * @throws FlexetlError ROWS_UNBALANCED when the target has slices of another part
 */
export async function loadSlices(
  total: number,
  firstRows: number,
  next: (rows: number, tookMs: number) => number,
  load: (slice: Slice) => Promise<number>,
): Promise<void> {
  let sliceRows = firstRows;
  let firstRow = 0;
  for (let index = 0; firstRow < total; index += 1) {
    const rows = Math.min(sliceRows, total - firstRow);
    const startedMs = performance.now();
    const loaded = await load({ index, firstRow, rows });
    if (loaded < 1 || firstRow + loaded > total) {
      throw new FlexetlError('ROWS_UNBALANCED', {
        message: `The target has ${loaded} rows of a slice that begins at row ${firstRow} of ${total}. Nothing was published.`,
        hint: 'Was this run key used before with other input? Use another key.',
      });
    }
    firstRow += loaded;
    if (loaded === rows) sliceRows = next(rows, performance.now() - startedMs);
  }
}

/** Before it is known how fast the target is. @param path of the part, absolute */
export async function firstSliceRows(path: string, rows: number, columns: number): Promise<number> {
  const bytesPerRow = (await stat(path)).size / rows;
  const fitting = Math.min(LIMITS.loadFirstValues / columns, LIMITS.loadFirstBytes / bytesPerRow);
  return Math.max(1, Math.min(Math.floor(fitting), LIMITS.loadPartRowsMax));
}

/** As many rows as the target writes in `LIMITS.loadLockMs`, but not suddenly many more or fewer. */
export function nextSliceRows(rows: number, tookMs: number): number {
  const factor = Math.min(4, Math.max(1 / 4, LIMITS.loadLockMs / Math.max(tookMs, 1)));
  const least = Math.min(rows, LIMITS.loadSliceRowsMin);
  return Math.max(least, Math.min(Math.floor(rows * factor), LIMITS.loadPartRowsMax));
}
