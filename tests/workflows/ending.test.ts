import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import type { Activities } from '../../activities';
import { awaitReport } from '../../control/await-report';
import { LIMITS } from '../../pipeline/limits';
import type { RunReport } from '../../pipeline/report';
import { reportQuery } from '../../workflows/messages';
import { createGate, openHarness, RETRY_FAST, sqliteTarget, type Harness } from '../support/worker-harness';
import { openSqlite } from '../../targets/sqlite/binding';

const ROWS = 60;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  const lines = Array.from({ length: ROWS }, (_, index) => `${index},${index}.5`);
  harness.write('data.csv', `n,v\n${lines.join('\n')}\n`);
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

/** Row-wise, in several chunks, so that every step has several parts. */
const add = (targets: object[], more: object = {}): string =>
  harness.addPipeline({
    source: { path: 'data.csv' },
    transformations: [{ type: 'filter', column: 'n', operator: '>=', value: 10 }],
    targets,
    fault_tolerance: RETRY_FAST,
    scalability: { processing: { chunk_size: 20, parallel_workers: 2 } },
    ...more,
  });

const old = (database: string): void => {
  const db = openSqlite(join(harness.dir, database));
  db.exec('CREATE TABLE t (old INTEGER); INSERT INTO t VALUES (1)');
  db.close();
};

/** The table that was there before the run is there, and nothing else. */
function expectUntouched(database: string): void {
  expect(harness.tables(database)).toEqual(['t']);
  expect(harness.query(database, 'SELECT * FROM t')).toEqual([[1n]]);
}

describe('a run that is cancelled', () => {
  it.each(['prepare', 'extract', 'validate', 'transform', 'load', 'publish'] as const)(
    'in %s publishes nothing, leaves nothing in staging, and has a report',
    async (step) => {
      const database = `cancelled-${step}.db`;
      old(database);
      const gate = createGate();
      harness.fake(
        step,
        (real) =>
          (async (input: never) => {
            void gate.pass();
            // As every real step: work goes on until the cancellation arrives with a heartbeat.
            const beat = setInterval(() => Context.current().heartbeat(), 50);
            try {
              await Context.current().cancelled;
            } finally {
              clearInterval(beat);
            }
            return (real as unknown as (input: never) => Promise<object>)(input);
          }) as unknown as Activities[typeof step],
      );
      const name = add([sqliteTarget('t', 'replace', database)]);
      const handle = await harness.start({ name, run_key: 'k' });
      await gate.reached;
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) as Error });
      const report = await handle.query(reportQuery);
      expect(report).toMatchObject({
        status: 'cancelled',
        balanced: false,
        error: { code: 'CANCELLED', message: 'The run was cancelled.', step },
      });
      expect((await handle.describe()).status.name).toBe('CANCELLED');
      expect(harness.staged(name)).toEqual([]);
      expectUntouched(database);
      const file = join(harness.dir, 'output', 'reports', name, 'k.json');
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(report);
    },
  );
});

describe('a run with two targets of which one fails for good', () => {
  const broken = (): object => {
    mkdirSync(join(harness.dir, 'blocked'), { recursive: true });
    return sqliteTarget('t', 'append', 'blocked/later.db');
  };

  it('in load publishes the other, and says which', async () => {
    harness.fake('load', (real) => async (input) => {
      // Between prepare and load somebody puts something else in the place of the database.
      if (input.target === 0 && !existsSync(join(harness.dir, 'blocked/later.db'))) {
        mkdirSync(join(harness.dir, 'blocked/later.db'));
      }
      return real(input);
    });
    const name = add([broken(), sqliteTarget('t', 'replace', 'good.db')]);
    const report = await harness.run(name);
    expect(report).toMatchObject({
      status: 'partial',
      balanced: false,
      targets: [
        { name: 'blocked/later.db#t', status: 'failed', error: { code: 'TARGET_INVALID', step: 'load' } },
        { name: 'good.db#t', status: 'published', rows_loaded: ROWS - 10 },
      ],
      error: { code: 'TARGET_INVALID', step: 'load' },
    });
    expect(harness.query('good.db', 'SELECT count(*) FROM t')).toEqual([[50n]]);
    expect(harness.staged(name)).toEqual([]);
  });

  it('in publish publishes the other', async () => {
    const views = openSqlite(join(harness.dir, 'unique.db'));
    views.exec('CREATE TABLE t (n INTEGER UNIQUE, v DECIMAL); INSERT INTO t VALUES (15, 1)');
    views.close();
    const report = await harness.run(
      add([sqliteTarget('t', 'append', 'unique.db'), sqliteTarget('t', 'replace', 'good2.db')]),
    );
    expect(report).toMatchObject({
      status: 'partial',
      targets: [
        { status: 'failed', error: { code: 'TARGET_INCOMPATIBLE', step: 'publish' } },
        { status: 'published' },
      ],
    });
    expect(harness.query('unique.db', 'SELECT * FROM t')).toEqual([[15n, 1n]]);
    expect(harness.tables('unique.db')).toEqual(['t']);
  });

  it('and both is a failed run', async () => {
    harness.fake('load', () => () => Promise.reject(Object.assign(new Error('no'), { name: 'x' })));
    const report = await harness.run(
      add([sqliteTarget('a', 'replace', 'both.db'), sqliteTarget('b', 'replace', 'both.db')]),
    );
    expect(report).toMatchObject({ status: 'failed', targets: [{ status: 'failed' }, { status: 'failed' }] });
    expect(harness.tables('both.db')).toEqual([]);
  });
});

describe('a run whose counts do not add up', () => {
  const lies: [string, (fake: Harness['fake']) => void][] = [
    [
      'extract claims a row more',
      (fake) =>
        fake('extract', (real) => async (input) => {
          const result = await real(input);
          return { ...result, rows: result.rows + (input.chunk === 1 ? 1 : 0) };
        }),
    ],
    [
      'transform loses a row',
      (fake) =>
        fake('transform', (real) => async (input) => {
          const result = await real(input);
          return input.part === 1 ? { ...result, rows: result.rows - 1 } : result;
        }),
    ],
    [
      'transform counts a row as filtered that is there',
      (fake) =>
        fake('transform', (real) => async (input) => {
          const result = await real(input);
          const counts = result.counts.map((count) => ({
            ...count,
            rows_out: count.rows_out - (input.part === 0 ? 1 : 0),
          }));
          return { ...result, counts };
        }),
    ],
    [
      'load writes a row less',
      (fake) =>
        fake(
          'load',
          (real) => (input) => real(input.part === 1 ? { ...input, rows: input.rows - 1 } : input),
        ),
    ],
    [
      'load claims what it did not write',
      (fake) =>
        fake('load', (real) => async (input) => {
          const result = await real(input.part === 1 ? { ...input, rows: input.rows - 1 } : input);
          return { ...result, rows: input.rows };
        }),
    ],
    [
      'load skips a part',
      (fake) =>
        fake(
          'load',
          (real) => async (input) => (input.part === 2 ? { rows: input.rows, attempt: 1 } : real(input)),
        ),
    ],
    [
      'load writes a part twice under another number',
      (fake) =>
        fake('load', (real) => async (input) => {
          if (input.part === 1) await real({ ...input, part: 77 });
          return real(input);
        }),
    ],
  ];

  it.each(lies)('because %s fails, shows both sides, and publishes nothing', async (title, lie) => {
    const database = `lie-${lies.findIndex(([one]) => one === title)}.db`;
    old(database);
    lie(harness.fake);
    const name = add([sqliteTarget('t', 'replace', database)]);
    const report: RunReport = await awaitReport(await harness.start(name));
    expect(report).toMatchObject({ status: 'failed', balanced: false, error: { code: 'ROWS_UNBALANCED' } });
    expect(report.error?.message).toMatch(/\d+.*\d+/);
    expectUntouched(database);
    expect(harness.staged(name)).toEqual([]);
  });
});

describe('a run that is longer than one history', () => {
  it('goes on in a fresh one, and does every part once', async () => {
    const chunks = LIMITS.windowMax + 1;
    const targets = 10;
    const loads = LIMITS.windowMax / targets + 1;
    const read = loads * LIMITS.loadPartRowsMax;
    // Large answers fill a history faster than many; the steps themselves do nothing.
    const padding = 'x'.repeat(17_000);
    const done: string[] = [];
    harness.fake('prepare', (real) => async (input) => ({
      ...(await real(input)),
      chunks,
      perChunk: false,
      parallelWorkers: 16,
    }));
    harness.fake('extract', () => (input) => {
      done.push(`extract ${input.chunk}`);
      const rows = input.chunk === 0 ? read : 0;
      return Promise.resolve({ rows, rejected: 0, places: [], bytes: 1, attempt: 1, padding });
    });
    harness.fake(
      'transform',
      () => () =>
        Promise.resolve({
          rows: read - 1,
          counts: [{ type: 'filter', fate: 'filtered', rows_in: read, rows_out: read - 1 }],
          attempt: 1,
        }),
    );
    harness.fake('load', () => (input) => {
      done.push(`load ${input.part} into ${input.target}`);
      return Promise.resolve({ rows: input.rows, attempt: 1, padding });
    });
    harness.fake(
      'publish',
      () =>
        ({ rows }) =>
          Promise.resolve({ rows, inserted: rows, updated: 0, attempt: 1 }),
    );
    const handle = await harness.start({
      name: add(upTo(targets).map((index) => sqliteTarget(`t${index}`, 'replace', 'long.db'))),
      run_key: 'k',
    });
    const report = await handle.result();
    expect(report).toMatchObject({
      status: 'succeeded',
      run_key: 'k',
      balanced: true,
      rows: { read, filtered: 1, output: read - 1 },
      targets: upTo(targets).map(() => ({ rows_loaded: read - 1, status: 'published' })),
    });
    const extracts = upTo(chunks).map((chunk) => `extract ${chunk}`);
    const into = upTo(targets).flatMap((target) => upTo(loads).map((part) => `load ${part} into ${target}`));
    expect(done.sort()).toEqual([...extracts, ...into].sort());
    const steps = Object.values(report.steps).reduce((sum, step) => sum + step.duration_ms, 0);
    expect(steps).toBeGreaterThan(report.duration_ms * 0.9);
    const first = harness.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
    expect((await first.describe()).status.name).toBe('CONTINUED_AS_NEW');
    const last = await harness.client.workflow.getHandle(handle.workflowId).describe();
    expect([last.status.name, last.memo?.['run_key']]).toEqual(['COMPLETED', 'k']);
  });
});

const upTo = (length: number): number[] => Array.from({ length }, (_, index) => index);
