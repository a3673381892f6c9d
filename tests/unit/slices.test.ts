import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { firstSliceRows, loadSlices, nextSliceRows, type Slice } from '../../engine/slices';
import { LIMITS } from '../../pipeline/limits';
import { makeFolder } from '../support/folder';

/** The slices of a part that are offered to a target, which has the first ones from an earlier attempt. */
async function offer(total: number, first: number, held: number[], tookMs: number[]): Promise<Slice[]> {
  const slices: Slice[] = [];
  await loadSlices(
    total,
    first,
    (rows) => nextSliceRows(rows, tookMs[slices.length % tookMs.length] ?? 1),
    (slice) => {
      const rows = held[slice.index] ?? slice.rows;
      slices.push({ ...slice, rows });
      return Promise.resolve(rows);
    },
  );
  return slices;
}

describe('the slices of a load', () => {
  it('cover every row of a part once and in order, whatever an earlier attempt has cut', async () => {
    const counts = fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 5 });
    const times = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        counts,
        fc.nat(300_000),
        fc.integer({ min: 10_000, max: 1_000_000 }),
        times,
        async (held, more, first, took) => {
          const total = held.reduce((sum, rows) => sum + rows, 0) + more;
          let next = 0;
          for (const { firstRow, rows } of await offer(total, first, held, took)) {
            expect(firstRow).toBe(next);
            expect(rows).toBeGreaterThan(0);
            expect(rows).toBeLessThanOrEqual(LIMITS.loadPartRowsMax);
            next += rows;
          }
          expect(next).toBe(total);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('of another part are an error, not a gap', async () => {
    await expect(offer(10, 10, [11], [1])).rejects.toMatchObject({ code: 'ROWS_UNBALANCED' });
    await expect(offer(10, 10, [0], [1])).rejects.toMatchObject({ code: 'ROWS_UNBALANCED' });
  });

  it('come to two seconds each, from whatever they begin with', () => {
    for (const rowsPerMs of [1, 20, 100]) {
      let rows = 50_000;
      for (let slice = 0; slice < 8; slice += 1) rows = nextSliceRows(rows, rows / rowsPerMs);
      expect(rows / rowsPerMs / LIMITS.loadLockMs).toBeCloseTo(1, 1);
    }
    expect(nextSliceRows(1, 100_000)).toBe(1);
    expect(nextSliceRows(1_500, 100_000)).toBe(1_000);
    expect(nextSliceRows(900_000, 1)).toBe(LIMITS.loadPartRowsMax);
  });

  it('begin with fewer rows where there are many columns or long values', async () => {
    const path = join(makeFolder(), 'part');
    writeFileSync(path, Buffer.alloc(1_000_000));
    expect(await firstSliceRows(path, 1_000_000, 5)).toBe(100_000);
    expect(await firstSliceRows(path, 1_000_000, 50)).toBe(10_000);
    expect(await firstSliceRows(path, 1, 5)).toBe(16);
  });
});
