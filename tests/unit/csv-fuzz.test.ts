import { withDuckdb } from '../../runtime/duckdb';
import { makeMemoryFolder } from '../support/folder';
import { fuzzLanes, noCounts } from '../support/lane-fuzz';
import { openSandbox } from '../support/source-sandbox';

const SEED = Number(process.env['PROPERTY_SEED'] ?? 11);
const FILES = 1_000;

describe('generated CSV files, clean and dirty', () => {
  it('are read the same by every lane, in one partition and in many', async () => {
    const counts = noCounts();
    const half = (seed: number): Promise<string | undefined> => {
      const dir = makeMemoryFolder();
      return withDuckdb({ dir, memoryMb: 200, threads: 1 }, (db) =>
        fuzzLanes(db, openSandbox(dir), { seed, numRuns: FILES / 2 }, counts),
      );
    };
    // Two at a time: one waits for DuckDB while the other works.
    expect(await Promise.all([half(SEED), half(SEED + 1)])).toEqual([undefined, undefined]);
    expect(counts.files).toBe(FILES);
    // The generator makes files of every kind.
    for (const kind of [counts.refused, counts.broken, counts.fast]) expect(kind).toBeGreaterThan(20);
    // Twenty seconds alone, seventy in a whole run on two cores.
  }, 400_000);
});
