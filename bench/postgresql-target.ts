/**
 * The target postgresql beside a plain COPY of a ready CSV file, as psql's `\copy` sends it, into a table of the same columns.
 *
 *     node dist/bench/postgresql-target.js --url postgresql://postgres:password@localhost/bench --rows 1000000 --repeat 5
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { Client as Connection } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { postgresql } from '../targets/postgresql';
import { benchContext, copyRows, loadStaged, median, stageRows, timed } from './target-rows';

/** As `LIMITS.loadLockMs` makes them after a few slices. */
const SLICE_ROWS = 500_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      rows: { type: 'string', default: '1000000' },
      repeat: { type: 'string', default: '5' },
    },
  });
  const rows = Number(values.rows);
  const url = values.url ?? '';
  const dir = await mkdtemp(join(tmpdir(), 'flexetl-bench-'));
  const [staged, csv] = [join(dir, 'staged.parquet'), join(dir, 'rows.csv')];
  try {
    await stageRows(dir, rows, staged);
    await copyRows(dir, staged, csv, 'FORMAT csv, HEADER');
    const ratios: number[] = [];
    for (let pass = 0; pass < Number(values.repeat); pass += 1) {
      const bare = await timed(() => copyBare(url, csv));
      const ours = await timed(() => loadTarget(url, dir, staged, rows, `pass ${pass} ${Date.now()}`));
      ratios.push(ours / bare);
      process.stdout.write(`target ${ours.toFixed(2)} s, COPY ${bare.toFixed(2)} s\n`);
    }
    process.stdout.write(`postgresql: median ratio ${median(ratios).toFixed(2)}\n`);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** One transaction, as a script that replaces a table has it. */
async function copyBare(url: string, csv: string): Promise<void> {
  const client = new Connection({ connectionString: url });
  await client.connect();
  await client.query(`BEGIN; DROP TABLE IF EXISTS bare; CREATE TABLE bare (id bigint, day date, product text, note text,
    quantity bigint, price numeric(12,2), seen timestamp)`);
  await pipeline(createReadStream(csv), client.query(copyFrom('COPY bare FROM STDIN (FORMAT csv, HEADER)')));
  await client.query('COMMIT');
  await client.end();
}

function loadTarget(url: string, dir: string, path: string, rows: number, runKey: string): Promise<void> {
  const context = benchContext(dir, url);
  const options = postgresql.options.parse({ connection_string_env: 'URL', table: 'flexetl_bench' });
  const open = postgresql.open(options, context);
  return loadStaged(open, context, { path, rows, sliceRows: SLICE_ROWS, runKey });
}

void main();
