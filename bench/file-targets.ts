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
import type { Target } from '../plugin/target';
import { csv } from '../targets/csv';
import { parquet } from '../targets/parquet';
import { benchContext, copyRows, loadStaged, median, stageRows, timed } from './target-rows';

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
    await stageRows(dir, rows, staged);
    for (const [name, copy] of Object.entries(COPIES)) {
      const seconds: { target: number[]; bare: number[] } = { target: [], bare: [] };
      for (let pass = 0; pass < Number(values.repeat); pass += 1) {
        const target = (name.startsWith('csv') ? csv : parquet) as unknown as Target<unknown>;
        const path = name.endsWith('one file') ? `out/x.${target.type}` : 'out';
        seconds.bare.push(await timed(() => copyRows(dir, staged, join(dir, 'bare'), copy)));
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

function loadTarget(
  dir: string,
  path: string,
  rows: number,
  target: Target<unknown>,
  out: string,
): Promise<void> {
  const context = benchContext(dir);
  const open = target.open(target.options.parse({ path: out }), context);
  return loadStaged(open, context, { path, rows, sliceRows: LIMITS.loadFileRowsMax });
}

void main();
