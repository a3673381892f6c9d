/**
 * The targets of files beside DuckDB's own COPY of the same staged rows: how much checks, checksums, names and manifest cost.
 *
 *     node dist/bench/file-targets.js --rows 10000000 --repeat 5
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LIMITS } from '../pipeline/limits';
import { stageTerms, unstageTerms } from '../pipeline/stage-sql';
import { literal } from '../pipeline/sql';
import { DATE, decimal, INTEGER, STRING, TIMESTAMP, type Schema } from '../pipeline/types';
import type { PluginContext } from '../plugin/context';
import type { LoadKey, Target } from '../plugin/target';
import { createPart } from '../runtime/batches/part';
import { withDuckdb } from '../runtime/duckdb';
import { createSharedFiles } from '../runtime/staging/shared-files';
import { csv } from '../targets/csv';
import { parquet } from '../targets/parquet';

const SCHEMA: Schema = [
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

const COPIES: Record<string, string> = {
  parquet: 'FORMAT parquet, COMPRESSION zstd',
  'parquet one file': 'FORMAT parquet, COMPRESSION zstd',
  csv: 'FORMAT csv, HEADER',
  'csv one file': 'FORMAT csv, HEADER',
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rows: { type: 'string', default: '10000000' }, repeat: { type: 'string', default: '3' } },
  });
  const rows = Number(values.rows);
  const dir = await mkdtemp(join(tmpdir(), 'flexetl-bench-'));
  try {
    const staged = join(dir, 'staged.parquet');
    await withDuckdb({ dir, memoryMb: 2000 }, (db) =>
      db.copy(`SELECT ${stageTerms(SCHEMA).join(', ')} FROM (${rowsSql(rows)})`, staged, SCHEMA),
    );
    for (const [name, copy] of Object.entries(COPIES)) {
      const seconds: { target: number[]; bare: number[] } = { target: [], bare: [] };
      for (let pass = 0; pass < Number(values.repeat); pass += 1) {
        const target = (name.startsWith('csv') ? csv : parquet) as unknown as Target<unknown>;
        const path = name.endsWith('one file') ? `out/x.${target.type}` : 'out';
        seconds.bare.push(await timed(() => copyBare(dir, staged, copy)));
        seconds.target.push(await timed(() => loadTarget(dir, staged, rows, target, path)));
        await rm(join(dir, 'out'), { recursive: true });
      }
      const [bare, ours] = [median(seconds.bare), median(seconds.target)];
      const ratio = (ours / bare).toFixed(2);
      process.stdout.write(`${name}: ${ours.toFixed(2)} s, bare COPY ${bare.toFixed(2)} s, ratio ${ratio}\n`);
    }
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** As a user writes it, from the same file. */
function copyBare(dir: string, staged: string, options: string): Promise<void> {
  const select = `SELECT ${unstageTerms(SCHEMA).join(', ')} FROM read_parquet(${literal(staged)})`;
  return withDuckdb({ dir, memoryMb: 2000 }, (db) =>
    db.run(`COPY (${select}) TO ${literal(join(dir, 'bare'))} (${options})`),
  );
}

/** As a run does, in slices. */
async function loadTarget(
  dir: string,
  path: string,
  rows: number,
  target: Target<unknown>,
  out: string,
): Promise<void> {
  const context: PluginContext = {
    projectDir: dir,
    scratchDir: dir,
    shared: createSharedFiles(dir),
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    progress: () => undefined,
    secret: () => Promise.reject(new Error('There are no secrets here.')),
    turn: () => Promise.resolve(),
  };
  const key: LoadKey = { project: 'b', pipeline: 'b', runKey: 'r', digest: 'd', plan: 'p', content: 'rows' };
  const open = target.open(target.options.parse({ path: out }), context);
  await open.check(SCHEMA);
  await open.begin(key, false);
  for (let firstRow = 0, index = 0; firstRow < rows; firstRow += LIMITS.loadFileRowsMax, index += 1) {
    const slice = {
      index,
      schema: SCHEMA,
      path,
      firstRow,
      rows: Math.min(LIMITS.loadFileRowsMax, rows - firstRow),
    };
    await open.load(key, createPart(slice, context));
  }
  await open.publish(key, SCHEMA, rows);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

void main();
