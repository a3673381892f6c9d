/** The rows that the benchmarks of targets load, and what a target needs around it. */
import { literal } from '../pipeline/sql';
import { stageTerms, unstageTerms } from '../pipeline/stage-sql';
import { DATE, decimal, INTEGER, STRING, TIMESTAMP, type Schema } from '../pipeline/types';
import type { PluginContext } from '../plugin/context';
import type { LoadKey, OpenTarget } from '../plugin/target';
import { createPart } from '../runtime/batches/part';
import { withDuckdb } from '../runtime/duckdb';
import { createSharedFiles } from '../runtime/staging/shared-files';

export const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'day', type: DATE },
  { name: 'product', type: STRING },
  { name: 'note', type: STRING },
  { name: 'quantity', type: INTEGER },
  { name: 'price', type: decimal(12, 2) },
  { name: 'seen', type: TIMESTAMP },
];

const rowsSql = (rows: number): string => `
  SELECT range AS id, DATE '2020-01-01' + (range % 2000)::INTEGER AS day, 'Product ' || hash(range) % 5000 AS product,
         'order ' || hash(range) % 900000 || ', as usual' AS note, (hash(range) % 97)::BIGINT AS quantity,
         ((hash(range) % 100000) / 100)::DECIMAL(12,2) AS price,
         TIMESTAMP '2020-01-01 00:00:00' + to_seconds(range) AS seen
  FROM range(${rows})`;

/** Stages them as a run does. */
export function stageRows(dir: string, rows: number, file: string): Promise<void> {
  const select = `SELECT ${stageTerms(SCHEMA).join(', ')} FROM (${rowsSql(rows)})`;
  return withDuckdb({ dir, memoryMb: 2000 }, (db) => db.copy(select, file, SCHEMA));
}

/** As a user writes it, from the staged file. @param options of COPY */
export function copyRows(dir: string, staged: string, to: string, options: string): Promise<void> {
  const select = `SELECT ${unstageTerms(SCHEMA).join(', ')} FROM read_parquet(${literal(staged)})`;
  return withDuckdb({ dir, memoryMb: 2000 }, (db) =>
    db.run(`COPY (${select}) TO ${literal(to)} (${options})`),
  );
}

export function benchContext(dir: string, secret = ''): PluginContext {
  return {
    projectDir: dir,
    scratchDir: dir,
    shared: createSharedFiles(dir),
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    progress: () => undefined,
    secret: () => Promise.resolve(secret),
    turn: () => Promise.resolve(),
  };
}

/** Loads and publishes the staged rows as a run does, in slices. */
export async function loadStaged(
  open: OpenTarget,
  context: PluginContext,
  { path, rows, sliceRows, runKey = 'r' }: { path: string; rows: number; sliceRows: number; runKey?: string },
): Promise<void> {
  const key: LoadKey = { project: 'b', pipeline: 'b', runKey, digest: 'd', plan: 'p', content: 'rows' };
  await open.check(SCHEMA);
  await open.begin(key, false);
  for (let firstRow = 0, index = 0; firstRow < rows; firstRow += sliceRows, index += 1) {
    const slice = { index, schema: SCHEMA, path, firstRow, rows: Math.min(sliceRows, rows - firstRow) };
    await open.load(key, createPart(slice, context));
  }
  await open.publish(key, SCHEMA, rows);
}

/** @returns seconds */
export async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
