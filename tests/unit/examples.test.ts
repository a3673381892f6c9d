/** The pipelines of configs/, each run as it is, with its data. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { literal } from '../../pipeline/sql';
import { withDuckdb, type Row } from '../../runtime/duckdb';
import { makeFolder } from '../support/folder';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import { readTable } from '../support/project';
import { runPipeline } from '../support/run-case';

const ROOT = join(__dirname, '..', '..');

function openExamples(): string {
  const dir = makeFolder();
  for (const name of ['configs', 'data']) cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  return dir;
}

function readParquetRows(dir: string, path: string, select: string): Promise<Row[]> {
  const from = `read_parquet(${literal(join(dir, path))}, hive_partitioning = true)`;
  return withDuckdb({ dir, memoryMb: 200 }, (db) => db.all(`SELECT ${select} FROM ${from}`));
}

/** The server of the example, as `npm run example:orders-api` starts it. */
async function startApi(): Promise<{ url: string; end: () => void }> {
  const server = spawn(process.execPath, [join(ROOT, 'examples/orders-api/server.js')], {
    env: { ...process.env, PORT: '0' },
  });
  const [said] = (await once(server.stdout, 'data')) as [Buffer];
  return { url: /http\S+/.exec(said.toString())?.[0] ?? '', end: () => server.kill() };
}

/** Of quantity and revenue, with four digits after the point. */
function sumsOf(rows: readonly (readonly (string | null)[])[]): number[] {
  const sum = (column: number): number =>
    rows.reduce((all, row) => all + Math.round(Number(row[column]) * 10_000), 0) / 10_000;
  return [sum(2), sum(3)];
}

describe('the example', () => {
  it('sales_multi has the same rows in each of its targets', async () => {
    const dir = openExamples();
    const url = await databaseFor('examples');
    const { targets } = await runPipeline(dir, 'configs/sales_multi.yaml', {
      env: { SALES_DATABASE_URL: url },
    });
    expect([...targets.values()].map(({ status, rows_loaded }) => [status, rows_loaded])).toEqual(
      targets.map(() => ['published', 8132]),
    );
    const table = readTable(join(dir, 'output/sales_multi.db'), 'daily_product_revenue') ?? [];
    const [, ...records] = parse(readFileSync(join(dir, 'output/sales_multi.csv'), 'utf8')) as string[][];
    const found = await readParquetRows(
      dir,
      'output/sales_multi/*.parquet',
      'sum(total_quantity)::VARCHAR AS quantity, sum(total_revenue)::VARCHAR AS revenue',
    );
    // data/README.md
    const sums = [63_809, 10_507_624.991];
    expect(sumsOf(table)).toEqual(sums);
    expect(sumsOf(records)).toEqual(sums);
    expect(sumsOf(await queryPostgresql(url, 'SELECT * FROM daily_product_revenue'))).toEqual(sums);
    expect(found).toEqual([{ quantity: '63809', revenue: '10507624.9910' }]);
  });

  it('orders_api has the orders of all pages of its API, exactly', async () => {
    const dir = openExamples();
    const { url, end } = await startApi();
    try {
      const { read } = await runPipeline(dir, 'configs/orders_api.yaml', {
        overrides: [`source.url=${url}`],
      });
      expect(read).toBe(230);
    } finally {
      end();
    }
    const rows = readTable(join(dir, 'output/orders.db'), 'orders') ?? [];
    // Every fifth order is cancelled.
    expect(rows).toHaveLength(184);
    expect(rows[0]).toEqual(
      expect.arrayContaining(['O0001', '{"id": 1001, "country": "AT"}', '2', '79.19', 'paid', null]),
    );
  });

  it('inventory_json has a row for each item, with its stock and its numbers as they are', async () => {
    const dir = openExamples();
    await runPipeline(dir, 'configs/inventory_json.yaml');
    const rows = readTable(join(dir, 'output/inventory.db'), 'inventory') ?? [];
    expect(rows).toHaveLength(60);
    expect(rows[0]).toEqual(
      expect.arrayContaining(['00012', 'Flat white mug', '165.95', '202', '137', '65']),
    );
  });

  it('events_parquet has a folder of Parquet files for each day', async () => {
    const dir = openExamples();
    await runPipeline(dir, 'configs/events_parquet.yaml');
    const folders = readdirSync(join(dir, 'output/events')).filter((name) => name.startsWith('day='));
    expect(folders.sort()).toEqual(['day=2026-03-01', 'day=2026-03-02', 'day=2026-03-03']);
    const lines = readdirSync(join(dir, 'data/events')).flatMap((name) =>
      (parse(readFileSync(join(dir, 'data/events', name))) as string[][]).slice(1),
    );
    const found = await readParquetRows(
      dir,
      'output/events/*/*.parquet',
      "event_id, day::VARCHAR AS day, user_id, coalesce(amount::VARCHAR, '') AS amount",
    );
    const texts = found.map(({ event_id, day, user_id, amount }) => [event_id, day, user_id, amount]);
    expect(texts.sort()).toEqual(lines.map(([id, day, , user, , amount]) => [id, day, user, amount]).sort());
  });
});
