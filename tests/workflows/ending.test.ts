import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import type { Activities } from '../../activities';
import { awaitReport } from '../../control/await-report';
import type { LoadInput } from '../../engine/load';
import type { TransformResult } from '../../engine/transform';
import { LIMITS } from '../../pipeline/limits';
import type { RunReport } from '../../pipeline/report';
import { outputName } from '../../runtime/staging/parts';
import type { RunStaging } from '../../runtime/staging/store';
import { reportQuery } from '../../workflows/messages';
import { createGate, openHarness, RETRY_FAST, sqliteTarget, type Harness } from '../support/worker-harness';
import { openSqlite } from '../../targets/sqlite/binding';
import { expectUntouched, makeOldTable } from '../support/old-table';

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

describe('a run that is cancelled', () => {
  it.each(['prepare', 'extract', 'validate', 'transform', 'load'] as const)(
    'in %s publishes nothing, leaves nothing in staging, and has a report',
    async (step) => {
      const database = `cancelled-${step}.db`;
      makeOldTable(harness, database);
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
      expectUntouched(harness, database);
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
    const name = add([broken(), sqliteTarget('t', 'append', 'good.db')]);
    const report = await harness.run({ name, run_key: 'k' });
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

    // What is missing is loaded under the same run key, from the parts that were kept; what is there is not doubled.
    rmdirSync(join(harness.dir, 'blocked/later.db'));
    harness.mend();
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({
      status: 'succeeded',
      balanced: true,
      targets: [
        { status: 'published', rows_loaded: ROWS - 10 },
        { status: 'published', rows_loaded: 0, already: { run_key: 'k', rows: ROWS - 10 } },
      ],
    });
    for (const database of ['good.db', 'blocked/later.db'])
      expect(harness.query(database, 'SELECT count(*) FROM t')).toEqual([[50n]]);
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
  /** Makes an output part say that it has a row less, so that a row less is loaded. */
  const shorten = (input: LoadInput): Promise<void> => copyTo(input, input.part, -1);
  /** Puts the same output part under another number, or as one that says to have more rows. */
  const copyTo = async ({ run, part }: LoadInput, other: number, rowsMore = 0): Promise<void> => {
    const staging = await harness.deps.staging.openRun(run);
    const receipt = await outputOf(staging, part);
    const path = (await staging.fetch(outputName(part)))?.path ?? '';
    await staging.withScratch(async (scratchDir) => {
      copyFileSync(path, join(scratchDir, 'copy'));
      const changed = { ...receipt, rows: receipt.rows + rowsMore };
      await staging.commit(outputName(other), changed, join(scratchDir, 'copy'));
    });
  };
  const lies: [string, (fake: Harness['fake']) => void][] = [
    [
      'extract claims a row more',
      (fake) =>
        fake('extract', (real) => async (input) => {
          const result = await real(input);
          return { ...result, rows: result.rows + (input.partition === 1 ? 1 : 0) };
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
        fake('load', (real) => async (input) => {
          if (input.part === 1) await shorten(input);
          return real(input);
        }),
    ],
    [
      'load claims what it did not write',
      (fake) =>
        fake('load', (real) => async (input) => {
          if (input.part !== 1) return real(input);
          await shorten(input);
          const result = await real(input);
          return { ...result, rows: result.rows + 1 };
        }),
    ],
    [
      'load skips a part',
      (fake) =>
        fake('load', (real) => async (input) => {
          if (input.part !== 2) return real(input);
          const { rows } = await outputOf(await harness.deps.staging.openRun(input.run), input.part);
          return { rows };
        }),
    ],
    [
      'load writes a part twice under another number',
      (fake) =>
        fake('load', (real) => async (input) => {
          if (input.part === 1) {
            await copyTo(input, 77);
            await real({ ...input, part: 77 });
          }
          return real(input);
        }),
    ],
  ];

  it.each(lies)('because %s fails, shows both sides, and publishes nothing', async (title, lie) => {
    const database = `lie-${lies.findIndex(([one]) => one === title)}.db`;
    makeOldTable(harness, database);
    lie(harness.fake);
    const name = add([sqliteTarget('t', 'replace', database)]);
    const report: RunReport = await awaitReport(await harness.start(name));
    expect(report).toMatchObject({
      status: 'failed',
      balanced: false,
      error: { code: 'ROWS_UNBALANCED', step: expect.stringMatching(/^(load|publish)$/) as string },
    });
    expect(report.error?.message).toMatch(/\d+.*\d+/);
    expectUntouched(harness, database);
  });
});

describe('a run that is longer than one history', () => {
  it('goes on in a fresh one, and does every part once', async () => {
    const parts = LIMITS.windowMax + 1;
    const targets = 2;
    const [rows, rowsOut] = [7, 6];
    // Large answers fill a history faster than many; the steps themselves do nothing.
    const padding = 'x'.repeat(17_000);
    const done: string[] = [];
    const answer = <T>(what: string, result: T): Promise<T> => {
      done.push(what);
      return Promise.resolve({ ...result, padding });
    };
    harness.fake('prepare', (real) => async (input) => ({
      ...(await real(input)),
      partitions: parts,
      perPartition: true,
      parallelWorkers: 16,
    }));
    harness.fake(
      'extract',
      () => (input) => answer(`extract ${input.partition}`, { rows, rejected: 0, types: 'same' }),
    );
    harness.fake('validate', () => () => answer('validate', { checks: [CHECK], columns: [] }));
    harness.fake('transform', () => ({ part, partition }) => {
      const counts = [{ type: 'filter', fate: 'filtered' as const, rows_in: rows, rows_out: rowsOut }];
      return answer(`transform ${partition} into ${part}`, { rows: rowsOut, counts });
    });
    harness.fake(
      'load',
      () =>
        ({ part, target }) =>
          answer(`load ${part} into ${target}`, { rows: rowsOut }),
    );
    harness.fake('publish', () => (input) => {
      return answer(`publish ${input.target}`, {
        rows: input.rows,
        inserted: input.rows,
        updated: 0,
        publishedAt: new Date().toISOString(),
      });
    });
    const handle = await harness.start({
      name: add(upTo(targets).map((index) => sqliteTarget(`t${index}`, 'replace', 'long.db'))),
      run_key: 'k',
    });
    const report = await handle.result();
    const [read, output] = [parts * rows, parts * rowsOut];
    expect(report).toMatchObject({
      status: 'succeeded',
      run_key: 'k',
      balanced: true,
      rows: { read, filtered: read - output, output },
      targets: upTo(targets).map(() => ({ rows_loaded: output, status: 'published' })),
    });
    const each = upTo(parts).flatMap((part) => [
      `extract ${part}`,
      `transform ${part} into ${part}`,
      ...upTo(targets).map((target) => `load ${part} into ${target}`),
    ]);
    const once = ['validate', ...upTo(targets).map((target) => `publish ${target}`)];
    expect(done.sort()).toEqual([...each, ...once].sort());
    const steps = Object.values(report.steps).reduce((sum, step) => sum + step.duration_ms, 0);
    expect(steps).toBeGreaterThan(report.duration_ms * 0.9);
    const first = harness.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
    expect((await first.describe()).status.name).toBe('CONTINUED_AS_NEW');
    const last = await harness.client.workflow.getHandle(handle.workflowId).describe();
    expect([last.status.name, last.memo?.['run_key']]).toEqual(['COMPLETED', 'k']);
  });
});

const CHECK = { name: 'type', severity: 'reject' as const, status: 'passed' as const, failing_rows: 0 };

async function outputOf(staging: RunStaging, part: number): Promise<TransformResult> {
  const found = await staging.fetch<TransformResult>(outputName(part));
  if (!found) throw new Error(`There is no output part ${part}.`);
  return found.receipt;
}

const upTo = (length: number): number[] => Array.from({ length }, (_, index) => index);
