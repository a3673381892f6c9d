/** A run under the key of one that failed goes on where that was. */
import { appendFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Activities } from '../../activities';
import { toFailure } from '../../activities/failures';
import { LIMITS } from '../../pipeline/limits';
import { FlexetlError } from '../../pipeline/errors';
import { openHarness, RETRY_FAST, sqliteTarget, type Harness } from '../support/worker-harness';

const ROWS = 60;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

/** Row-wise and in partitions of some twenty records, into a table of its own. */
function add(file: string, more: object = {}): string {
  const lines = Array.from({ length: ROWS }, (_, index) => `${index},${index}.5`);
  harness.write(`${file}.csv`, `n,v\n${lines.join('\n')}\n`);
  return harness.addPipeline({
    source: { path: `${file}.csv` },
    transformations: [{ type: 'filter', column: 'n', operator: '>=', value: 10 }],
    targets: [sqliteTarget('t', 'append', `${file}.db`)],
    fault_tolerance: RETRY_FAST,
    scalability: { processing: { chunk_size: 20 } },
    ...more,
  });
}

/** Lets a step fail for good at one of its parts. */
function failAt(step: 'extract' | 'transform' | 'load', at: number): void {
  harness.fake(
    step,
    (real) =>
      (async (input: never) => {
        const { partition = null, part = partition } = input as { partition?: number; part?: number };
        if (part === at) throw toFailure(new FlexetlError('SOURCE_UNREADABLE', { message: 'Torn.' }));
        return (real as unknown as (input: never) => Promise<object>)(input);
      }) as unknown as Activities[typeof step],
  );
}

/** When each receipt of a step was written, by the name of its part. */
async function receiptTimes(name: string, step: string): Promise<Map<string, number>> {
  const staging = await harness.deps.staging.openRun({ project: 'test', pipeline: name, runKey: 'k' });
  const parts = await staging.list(`${step}/`);
  return new Map(
    parts.map((part) => [part, statSync(join(staging.localDir, 'parts', `${part}.json`)).mtimeMs]),
  );
}

/** Runs to the end under the same key; before the load starts, `look` is called. */
async function goOn(name: string, look: () => Promise<void> = () => Promise.resolve()) {
  harness.mend();
  harness.fake('load', (real) => async (input) => {
    if (input.part === 0) await look();
    return real(input);
  });
  return harness.run({ name, run_key: 'k' });
}

const countRows = (file: string): unknown => harness.query(`${file}.db`, 'SELECT count(*), sum(n) FROM t');
const ALL = [[BigInt(ROWS - 10), BigInt((ROWS * (ROWS - 1)) / 2 - 45)]];

describe('a run under the key of one that failed', () => {
  it.each(['extract', 'transform', 'load'] as const)(
    'in %s does only what is missing, and ends with every row once',
    async (step) => {
      const file = `failed-${step}`;
      const name = add(file);
      failAt(step, 1);
      expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'failed', error: { step } });
      expect(harness.tables(`${file}.db`)).toEqual([]);
      const before = { ...(await timesOf(name)) };
      expect(before.extract.size).toBeGreaterThan(0);

      const report = await goOn(name, async () => {
        const after = await timesOf(name);
        for (const [part, time] of [...before.extract, ...before.transform])
          expect([part, after.extract.get(part) ?? after.transform.get(part)]).toEqual([part, time]);
        expect(after.extract.size).toBeGreaterThan(2);
      });
      expect(report).toMatchObject({
        status: 'succeeded',
        balanced: true,
        rows: { read: ROWS, filtered: 10, output: ROWS - 10 },
      });
      expect(countRows(file)).toEqual(ALL);
      expect(harness.staged(name)).toEqual([]);
    },
  );

  const timesOf = async (name: string) => ({
    extract: await receiptTimes(name, 'extract'),
    transform: await receiptTimes(name, 'transform'),
  });

  it('starts from zero when it has no checkpoints, and ends with every row once', async () => {
    const name = add('unchecked', {
      fault_tolerance: { ...RETRY_FAST, checkpoints: { enabled: false, interval: 20 } },
    });
    failAt('load', 1);
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'failed' });
    expect(harness.staged(name)).toEqual([]);
    let extracts = 0;
    harness.mend();
    harness.fake('extract', (real) => (input) => {
      extracts += 1;
      return real(input);
    });
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'succeeded' });
    expect(extracts).toBeGreaterThan(2);
    expect(countRows('unchecked')).toEqual(ALL);
  });

  it('has done again no more records than the interval of its checkpoints', async () => {
    const rowsOf = async (sections: object): Promise<number[]> => {
      const name = add(`interval-${JSON.stringify(sections).length}`, sections);
      const rows: number[] = [];
      harness.mend();
      harness.fake('extract', (real) => async (input) => {
        const result = await real(input);
        rows.push(result.rows);
        return result;
      });
      await harness.run({ name, run_key: 'k' });
      return rows;
    };
    const bounded = { fault_tolerance: { checkpoints: { interval: 10 } } };
    // Records of one length each are cut exactly, others by their mean.
    for (const sections of [{ ...bounded, scalability: {} }, bounded]) {
      const rows = await rowsOf(sections);
      expect(rows.length).toBeGreaterThan(4);
      expect(Math.max(...rows)).toBeLessThanOrEqual(13);
    }
    expect(await rowsOf({ scalability: {} })).toEqual([ROWS]);
  });

  it('starts from the beginning where the source has changed', async () => {
    const name = add('changed');
    failAt('load', 1);
    await harness.run({ name, run_key: 'k' });
    appendFileSync(join(harness.dir, 'changed.csv'), '100,1.5\n');
    expect(await goOn(name)).toMatchObject({ status: 'succeeded', rows: { read: ROWS + 1 } });
    const [[rows, sum] = []] = ALL;
    expect(countRows('changed')).toEqual([[(rows ?? 0n) + 1n, (sum ?? 0n) + 100n]]);
  });

  it('starts from the beginning where the pipeline has changed', async () => {
    const name = add('edited');
    failAt('load', 1);
    await harness.run({ name, run_key: 'k' });
    harness.mend();
    const overrides = ['transformations.0.value=50'];
    expect(await harness.run({ name, run_key: 'k', overrides })).toMatchObject({
      status: 'succeeded',
      rows: { read: ROWS, filtered: 50, output: ROWS - 50 },
    });
    expect(harness.query('edited.db', 'SELECT min(n), count(*) FROM t')).toEqual([[50n, BigInt(ROWS - 50)]]);
  });

  it('reads again what is gone from staging', async () => {
    const name = add('lost');
    failAt('load', 1);
    await harness.run({ name, run_key: 'k' });
    const staging = await harness.deps.staging.openRun({ project: 'test', pipeline: name, runKey: 'k' });
    rmSync(join(staging.localDir, 'parts'), { recursive: true });
    expect(await goOn(name)).toMatchObject({ status: 'succeeded', balanced: true });
    expect(countRows('lost')).toEqual(ALL);
  });
});

describe('a run whose plan is damaged while it loads', () => {
  it('says that the next one starts from the beginning, and that rows may stay until then', async () => {
    const name = add('broken');
    harness.fake('load', (real) => async (input) => {
      if (input.part === 1) {
        const ref = { project: 'test', pipeline: name, runKey: 'k' };
        const { localDir } = await harness.deps.staging.openRun(ref);
        truncateSync(join(localDir, 'parts', 'plan.json'), 20);
      }
      return real(input);
    });
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({
      error: {
        code: 'STAGING_DAMAGED',
        hint: expect.stringMatching(/ it starts from the beginning\.$/) as string,
      },
      warnings: [expect.stringMatching(/^Rows that are not published may still be in .* The next run /)],
    });
    expect(harness.tables('broken.db')).not.toEqual([]);
    expect(await goOn(name)).toMatchObject({ status: 'succeeded', balanced: true });
    expect(harness.tables('broken.db')).toEqual(['t']);
    expect(countRows('broken')).toEqual(ALL);
  });
});

describe('the staged parts of a failed run', () => {
  it('are removed by a later run of the pipeline, once they have been kept for 7 days', async () => {
    const name = add('old');
    failAt('load', 1);
    await harness.run({ name, run_key: 'k' });
    harness.mend();
    await harness.run({ name, run_key: 'soon' });
    expect(harness.staged(name)).not.toEqual([]);
    await harness.deps.staging.sweep(
      { project: 'test', pipeline: name, runKey: 'later' },
      Date.now() + LIMITS.stagingKeepMs + 1,
    );
    expect(harness.staged(name)).toEqual([]);
    expect(LIMITS.stagingKeepMs).toBe(7 * 86_400_000);
  });
});

describe('a column that turns out to be wider than its sample', () => {
  it('casts the partitions that were read before, and reads only one of them again', async () => {
    const lines = Array.from({ length: 12_000 }, (_, index) => `${index},${index === 11_000 ? '0.25' : '7'}`);
    harness.write('wider.csv', `n,v\n${lines.join('\n')}\n`);
    const name = harness.addPipeline({
      source: { path: 'wider.csv' },
      targets: [sqliteTarget('t', 'replace', 'wider.db')],
      scalability: { processing: { chunk_size: 3000 } },
    });
    let files: string[] = [];
    harness.fake('validate', (real) => (input) => {
      files = harness.staged(name).filter((file) => /extract\/.*\.parquet$/.test(file));
      return real(input);
    });
    expect(await harness.run(name)).toMatchObject({ status: 'succeeded', rows: { read: 12_000 } });
    const partitions = files.map((file) => /extract\/(\d+)/.exec(file)?.[1]);
    expect(partitions.length).toBeGreaterThan(3);
    // One file of rows each, though all of them have two receipts.
    expect(new Set(partitions).size).toBe(partitions.length);
    expect(harness.query('wider.db', 'SELECT count(*), count(DISTINCT v) FROM t')).toEqual([[12_000n, 2n]]);
  });
});
