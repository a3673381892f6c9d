import fc from 'fast-check';
import { chunkBytesFor } from '../../pipeline/chunks';
import { LIMITS } from '../../pipeline/limits';
import { planLoads } from '../../workflows/phases';

describe('the bytes of a chunk', () => {
  it('are as many as the wished records have, and never so few that there is only overhead', () => {
    expect(chunkBytesFor(1000, 41.4, 1)).toBe(41_400);
    expect(chunkBytesFor(1000, 41.4, 4)).toBe(41_400);
    expect(chunkBytesFor(1, 3, 1)).toBe(LIMITS.chunkBytesMin);
  });

  it.each([
    [undefined, 40],
    [1000, undefined],
  ])('are the default with chunk_size %p and %p bytes per record', (records, bytes) => {
    expect(chunkBytesFor(records, bytes, 1)).toBe(LIMITS.chunkBytesDefault);
    expect(chunkBytesFor(records, bytes, 3)).toBe(Math.floor(LIMITS.chunkBytesDefault / 3));
  });
});

describe('the loads of a run', () => {
  const sizes = fc.array(fc.oneof(fc.nat(5), fc.nat(3_500_000)), { maxLength: 12 });

  it('cover every row of every part once and in order, in transactions of bounded size', () => {
    fc.assert(
      fc.property(sizes, (outputRows) => {
        const loads = planLoads(outputRows);
        expect(loads.map(({ part }) => part)).toEqual(loads.map((_, index) => index));
        for (const [outputPart, rows] of outputRows.entries()) {
          let next = 0;
          for (const load of loads.filter((one) => one.outputPart === outputPart)) {
            expect(load.firstRow).toBe(next);
            expect(load.rows).toBeGreaterThan(0);
            expect(load.rows).toBeLessThanOrEqual(LIMITS.loadPartRowsMax);
            next += load.rows;
          }
          expect(next).toBe(rows);
        }
      }),
    );
  });
});
