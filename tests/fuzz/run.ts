/**
 * `npm run test:fuzz [-- --files N --seed S]`: tries generated CSV files, 1,000 for each seed, and stops at the first that is
 * read in two ways.
 */
import { parseArgs } from 'node:util';
import { withDuckdb } from '../../runtime/duckdb';
import { makeMemoryFolder, removeFolder } from '../support/folder';
import { fuzzLanes, noCounts, type FuzzCounts } from '../support/lane-fuzz';
import { openSandbox } from '../support/source-sandbox';

const FILES_PER_SEED = 1_000;
/** At the same time: one waits for DuckDB and the disk while the other works. */
const LANES = 2;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    },
  });
  const [files, first] = [Number(values.files), Number(values.seed)];
  const seeds = Math.ceil(files / FILES_PER_SEED);
  say(`${files} files, seeds ${first} to ${first + seeds - 1}`);
  const counts = noCounts();
  const startedMs = Date.now();
  const queue = Array.from({ length: seeds }, (_, index) => index).values();
  let failure: string | undefined;
  const lane = async (): Promise<void> => {
    for (const index of queue) {
      const numRuns = Math.min(FILES_PER_SEED, files - index * FILES_PER_SEED);
      failure ??= await tryOne(first + index, numRuns, counts);
      if (failure !== undefined) return;
      const seconds = (Date.now() - startedMs) / 1000;
      say(`seed ${first + index}: ${show(counts)}; ${Math.round(counts.files / seconds)} files/s`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (failure !== undefined) {
    say(failure);
    return 1;
  }
  say(`No file was read in two ways: ${show(counts)}.`);
  return 0;
}

/** In a folder of its own: thousands of runs of a source leave thousands of folders. */
async function tryOne(seed: number, numRuns: number, counts: FuzzCounts): Promise<string | undefined> {
  const dir = makeMemoryFolder();
  try {
    return await withDuckdb({ dir, memoryMb: 400, threads: 1 }, (db) =>
      fuzzLanes(db, openSandbox(dir), { seed, numRuns }, counts),
    );
  } finally {
    removeFolder(dir);
  }
}

function show({ files, refused, broken, fast }: FuzzCounts): string {
  return `${files} files, ${broken} with broken records, ${refused} refused as a whole, ${fast} partitions read by DuckDB alone`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
    process.exit(1);
  },
);
