/** A job that is long enough to be disturbed in every step under the run key `k`, and what its table must be in the end. */
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Project } from './project';
import { waitFor } from './wait-for';
import { openSqlite } from '../../targets/sqlite/binding';

const ROWS = 6_000;
const CHUNKS = 10;

/** Row by row, so that extract, transform and load have a part for each chunk. */
export function writeFaultJob(project: Project): void {
  const lines = Array.from({ length: ROWS }, (_, n) => `${n},${n % 97},${priceOf(n)}`);
  project.write('data/input.csv', `n,quantity,price\n${lines.join('\n')}\n`);
  project.configure({
    transformations: [
      { type: 'filter', column: 'quantity', operator: '>', value: 0 },
      { type: 'derive', columns: { revenue: 'quantity * price' } },
    ],
    targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' }],
    scalability: { processing: { chunk_size: ROWS / CHUNKS, parallel_workers: 2 } },
    fault_tolerance: { retry: { initial_backoff_seconds: 0.1, max_backoff_seconds: 1 } },
  });
}

/** 0.01, 1.02, 2.03, … with two digits after the point. */
function priceOf(n: number): string {
  return `${n}.${String((n % 99) + 1).padStart(2, '0')}`;
}

const EXPECTED = Array.from({ length: ROWS }, (_, n) => n)
  .filter((n) => n % 97 > 0)
  .map((n) => [BigInt(n), BigInt(n % 97), BigInt(priceOf(n).replace('.', '')) * BigInt(n % 97)]);

/** How many rows the table has in the end. */
export const ROWS_OUT = EXPECTED.length;

/** Every row once and in order, sums to the last digit, an intact file, and nothing left of the work. */
export function expectExact(project: Project): void {
  const db = openSqlite(project.path('output', 'out.db'), { readonly: true });
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const sql =
      'SELECT n, quantity, CAST(round(revenue * 100) AS INTEGER), typeof(revenue) FROM result ORDER BY rowid';
    const rows = db.prepare(sql).safeIntegers().raw().all() as unknown[][];
    expect(rows).toHaveLength(EXPECTED.length);
    expect(rows.map((row) => row.slice(0, 3))).toEqual(EXPECTED);
    expect(new Set(rows.map((row) => row[3])).has('text')).toBe(false);
  } finally {
    db.close();
  }
  expect(project.leftovers()).toEqual([]);
}

/** Moments of a run, as they can be seen from outside. */
export const MOMENTS = {
  extract: (project: Project) => staged(project, 'extract') >= 2,
  transform: (project: Project) => staged(project, 'transform') >= 2,
  load: (project: Project) => loads(project, 'part >= 0') >= 2,
  publish: (project: Project) => loads(project, 'part >= 0') >= CHUNKS - 1,
  'the moment after it has published': (project: Project) => loads(project, 'part = -1') === 1,
};
export type Moment = keyof typeof MOMENTS;

/** Waits for a moment, and then a little longer, so that the fault hits in different places. */
export async function reach(project: Project, moment: Moment, laterMs = 0): Promise<void> {
  await waitFor(() => MOMENTS[moment](project), { deadlineMs: 90_000, what: `the run to reach ${moment}` });
  await delay(laterMs);
}

/** Receipts of a step. */
function staged(project: Project, step: string): number {
  const dir = project.path('.flexetl', 'staging', 'test', project.name, 'k', 'parts', step);
  return existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith('.json')).length : 0;
}

function loads(project: Project, condition: string): number {
  const file = project.path('output', 'out.db');
  if (!existsSync(file)) return 0;
  const db = openSqlite(file, { readonly: true });
  try {
    return db.prepare(`SELECT count(*) FROM _flexetl_loads WHERE ${condition}`).pluck().get() as number;
  } catch {
    // The file is being made: there is no such table yet.
    return 0;
  } finally {
    db.close();
  }
}
