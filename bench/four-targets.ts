/**
 * Four targets loaded at the same time from one staged file, as a run does, beside the sum of the times that each of them
 * takes alone.
 *
 *     node dist/bench/four-targets.js --url postgresql://postgres:password@localhost/bench --rows 1000000 --repeat 3
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LIMITS } from '../pipeline/limits';
import type { Target } from '../plugin/target';
import { targets } from '../targets/index';
import { benchContext, loadStaged, median, stageRows, timed } from './target-rows';

/** As `LIMITS.loadLockMs` makes them after a few slices. */
const SLICE_ROWS = 500_000;

const OPTIONS: Record<string, object> = {
  sqlite: { database: 'out.db', table: 't' },
  postgresql: { connection_string_env: 'URL', table: 'flexetl_bench' },
  parquet: { path: 'out-parquet' },
  csv: { path: 'out-csv' },
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      rows: { type: 'string', default: '1000000' },
      repeat: { type: 'string', default: '3' },
    },
  });
  const { url = '' } = values;
  const rows = Number(values.rows);
  const dir = await mkdtemp(join(tmpdir(), 'flexetl-bench-'));
  const path = join(dir, 'staged.parquet');
  const context = benchContext(dir, url);
  const load = (type: string, runKey: string): Promise<void> => {
    const target = targets.find((one) => one.type === type) as unknown as Target<unknown>;
    const open = target.open(target.options.parse(OPTIONS[type]), context);
    const sliceRows = target.capabilities.lane === 'file' ? LIMITS.loadFileRowsMax : SLICE_ROWS;
    return loadStaged(open, context, { path, rows, sliceRows, runKey });
  };
  try {
    await stageRows(dir, rows, path);
    const ratios: number[] = [];
    for (let pass = 0; pass < Number(values.repeat); pass += 1) {
      const key = `${pass} ${Date.now()}`;
      const alone: [string, number][] = [];
      for (const type of Object.keys(OPTIONS))
        alone.push([type, await timed(() => load(type, `alone ${key}`))]);
      const together = await timed(async () => {
        await Promise.all(Object.keys(OPTIONS).map((type) => load(type, `together ${key}`)));
      });
      const sum = alone.reduce((total, [, seconds]) => total + seconds, 0);
      ratios.push(together / sum);
      const each = alone.map(([type, seconds]) => `${type} ${seconds.toFixed(2)} s`).join(', ');
      process.stdout.write(`${each}; sum ${sum.toFixed(2)} s, together ${together.toFixed(2)} s\n`);
    }
    process.stdout.write(`four targets: median ratio to the sum ${median(ratios).toFixed(2)}\n`);
  } finally {
    await rm(dir, { recursive: true });
  }
}

void main();
