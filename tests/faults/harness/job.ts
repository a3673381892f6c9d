/** The pipeline that the harness disturbs: from one CSV file, row by row in chunks, into every kind of target. */
import { createHash } from 'node:crypto';
import type { Project } from '../../support/project';
import type { CheckJob } from './checker';

const ROWS = 4_200;
const CHUNKS = 6;

export const RUN_KEY = 'k';

/** @param postgresql connection string of an empty database */
export function writeJob(project: Project, postgresql: string): CheckJob {
  const lines = Array.from({ length: ROWS }, (_, n) => `${n},${n % 97},${priceOf(n)}`);
  project.write('data/input.csv', `n,quantity,price\n${lines.join('\n')}\n`);
  project.env['PG'] = postgresql;
  project.configure({
    transformations: [
      { type: 'filter', column: 'quantity', operator: '>', value: 0 },
      { type: 'derive', columns: { revenue: 'quantity * price' } },
    ],
    targets: [
      { type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' },
      { type: 'csv', path: 'output/result.csv' },
      { type: 'parquet', path: 'output/parquet', mode: 'append' },
      { type: 'postgresql', connection_string_env: 'PG', table: 'result', mode: 'append' },
    ],
    scalability: { processing: { chunk_size: ROWS / CHUNKS, parallel_workers: 2 } },
    fault_tolerance: { retry: { max_attempts: 5, initial_backoff_seconds: 0.1, max_backoff_seconds: 1 } },
  });
  const rows = Array.from({ length: ROWS }, (_, n) => n)
    .filter((n) => n % 97 > 0)
    .map((n) => `${n},${n % 97},${BigInt(priceOf(n).replace('.', '')) * BigInt(n % 97)}`);
  return {
    dir: project.dir,
    pipeline: project.name,
    runKey: RUN_KEY,
    rows: rows.length,
    digest: createHash('sha256').update(rows.join('\n')).digest('hex'),
    read: ROWS,
    dead: [],
    postgresql,
  };
}

/** 0.01, 1.02, 2.03, … with two digits after the point. */
function priceOf(n: number): string {
  return `${n}.${String((n % 99) + 1).padStart(2, '0')}`;
}
