/** Generated CSV files, clean and dirty, through every lane and cut: `npm test` tries 1,000, `npm run test:fuzz` 100,000. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { FlexetlError } from '../../pipeline/errors';
import type { OpenSource, SourceRecord } from '../../plugin/source';
import type { Duckdb } from '../../runtime/duckdb';
import { csv } from '../../sources/csv';
import { dirtyCsv, knownCsv } from './dirty-csv';
import { landAll, readFast, readRecords, readRepaired, type Sandbox, type Values } from './source-sandbox';

interface FuzzFile {
  bytes: Buffer;
  options: Record<string, unknown>;
  /** Where the records are known. */
  rows?: Values[];
  places?: { line: number; record: number; byteOffset: number }[];
}

/** How many files were read, refused by their survey, and had broken records; and partitions that DuckDB read alone. */
export interface FuzzCounts {
  files: number;
  refused: number;
  broken: number;
  fast: number;
}

export function noCounts(): FuzzCounts {
  return { files: 0, refused: 0, broken: 0, fast: 0 };
}

const WHOLE = Number.MAX_SAFE_INTEGER;
const files: fc.Arbitrary<FuzzFile> = fc.oneof(dirtyCsv, knownCsv);

/**
 * Tries files until one is read in two ways.
 * @param seed the same files for the same seed
 * @returns undefined, or how to see the failure again
 */
export async function fuzzLanes(
  db: Duckdb,
  sandbox: Sandbox,
  { seed, numRuns }: { seed: number; numRuns: number },
  counts: FuzzCounts,
): Promise<string | undefined> {
  const property = fc.asyncProperty(files, fc.integer({ min: 8, max: 160 }), (file, cutBytes) =>
    tryFile(db, sandbox, file, cutBytes, counts),
  );
  const found = await fc.check(property, { numRuns, seed });
  if (!found.failed) return undefined;
  const [file, cutBytes] = found.counterexample ?? [];
  return [
    `seed ${seed}, path ${found.counterexamplePath}: cut at ${cutBytes} bytes, options ${JSON.stringify(file?.options)}`,
    `bytes, base64: ${file?.bytes.toString('base64')}`,
    String((found.errorInstance as Error | null)?.message ?? found.errorInstance),
  ].join('\n');
}

/** @throws AssertionError where two ways differ */
async function tryFile(
  db: Duckdb,
  sandbox: Sandbox,
  { bytes, options, rows, places }: FuzzFile,
  cutBytes: number,
  counts: FuzzCounts,
): Promise<void> {
  counts.files++;
  const path = sandbox.write('input.csv', bytes);
  const open = (): OpenSource =>
    csv.open(csv.options.parse({ path, ...options }), sandbox.freshRun().context);
  let wanted: Omit<SourceRecord, 'ordinal'>[] | undefined;
  for (const partitionBytes of [WHOLE, cutBytes]) {
    const source = open();
    const landing = await landAll(source, partitionBytes).catch((error: unknown) => {
      if (error instanceof FlexetlError && error.code === 'SOURCE_UNREADABLE') return undefined;
      throw error;
    });
    // What no lane can read has no records that are known.
    if (!landing) {
      deepStrictEqual([wanted, rows], [undefined, undefined]);
      counts.refused++;
      return;
    }
    const records: SourceRecord[] = [];
    for (const partition of landing.partitions) {
      const own = await readRecords(source, landing.survey, [partition]);
      records.push(...own);
      counts.fast += (await readLanes(db, source, landing.survey, partition, own)) ? 1 : 0;
    }
    const found = records.map(({ ordinal: _, ...record }) => record);
    wanted ??= found;
    deepStrictEqual(found, wanted);
    assertPlaces(records, bytes);
  }
  if (rows) {
    deepStrictEqual(
      wanted?.map(({ values }) => values),
      rows,
    );
    deepStrictEqual(
      wanted?.map(({ line, record, byteOffset }) => ({ line, record, byteOffset })),
      places,
    );
  }
  if (wanted?.some(({ reason }) => reason !== undefined)) counts.broken++;
}

/** DuckDB, alone and over what the careful lane gives it. @returns whether it can do alone */
async function readLanes(
  db: Duckdb,
  source: OpenSource,
  survey: Parameters<typeof readFast>[2],
  partition: Parameters<typeof readFast>[3],
  records: readonly SourceRecord[],
): Promise<boolean> {
  const fast = await readFast(db, source, survey, partition);
  if (fast)
    deepStrictEqual(
      fast,
      records.map(({ values, reason }) => values ?? reason),
    );
  const repaired = await readRepaired(db, source, survey, partition);
  const good = records.flatMap(({ values }) => (values ? [values] : []));
  const broken = records.flatMap(({ values, ordinal }) => (values ? [] : [ordinal]));
  deepStrictEqual({ rows: repaired.rows, broken: [...repaired.broken] }, { rows: good, broken });
  return fast !== undefined;
}

/** Line, offset and text of every record, counted once more by simpler means; never a replacement character. */
function assertPlaces(records: readonly SourceRecord[], bytes: Buffer): void {
  for (const { byteOffset, line, values } of records) {
    const before = bytes.subarray(0, byteOffset).toString('latin1');
    // In a file whose lines end with CR there may be LF in quotes, and the other way round.
    const [feeds, returns] = ['\n', '\r'].map((char) => before.split(char).length);
    if (line !== feeds && line !== returns)
      throw new Error(`The record at byte ${byteOffset} has line ${line}, not ${feeds} or ${returns}.`);
    const text = values?.join('') ?? '';
    if (text.includes('\ufffd') && !bytes.includes('\ufffd'))
      throw new Error(`The record at byte ${byteOffset} has a character that is not in the file.`);
  }
}
