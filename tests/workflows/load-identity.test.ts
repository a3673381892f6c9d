/** What a run finds in its targets decides what it does: nothing is loaded twice, and nothing of another input is continued. */
import { join } from 'node:path';
import type { Activities } from '../../activities';
import { toFailure } from '../../activities/failures';
import { FlexetlError } from '../../pipeline/errors';
import type { PipelineInput } from '../../workflows/messages';
import { openSqlite } from '../../targets/sqlite/binding';
import { readRunReport } from '../support/report';
import { createGate, openHarness, RETRY_FAST, sqliteTarget, type Harness } from '../support/worker-harness';

const ROWS = 60;
const STEPS = [
  'prepare',
  'land',
  'extract',
  'validate',
  'transform',
  'load',
  'publish',
  'finish',
  'abort',
] as const;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

/** A file whose rows all say which file it is. */
function write(file: string, version: string): void {
  const lines = Array.from({ length: ROWS }, (_, index) => `${index},${version}`);
  harness.write(`${file}.csv`, `n,version\n${lines.join('\n')}\n`);
}

/** In parts of some twenty rows. */
function add(file: string, mode: 'append' | 'replace' = 'append', ...more: object[]): string {
  write(file, 'old');
  return harness.addPipeline({
    source: { path: `${file}.csv` },
    targets: [sqliteTarget('t', mode, `${file}.db`), ...more],
    fault_tolerance: RETRY_FAST,
    scalability: { processing: { chunk_size: 20 } },
  });
}

const found = (file: string) =>
  harness.query(`${file}.db`, 'SELECT version, count(*) FROM t GROUP BY version ORDER BY version');

/** The steps of the runs from now on. */
function watchSteps(): string[] {
  const done: string[] = [];
  for (const step of STEPS)
    harness.fake(
      step,
      (real) =>
        ((input: never) => {
          done.push(step);
          return (real as unknown as (input: never) => Promise<object>)(input);
        }) as unknown as Activities[typeof step],
    );
  return done;
}

/** Fails for good in load, after the first part; nothing is cleaned up after it. */
async function leaveHalf(input: PipelineInput, file: string): Promise<void> {
  harness.fake('load', (real) => async (step) => {
    if (step.part === 0) return real(step);
    throw toFailure(new FlexetlError('TARGET_INVALID', { message: 'The lock is held.' }));
  });
  harness.fake(
    'abort',
    () => () => Promise.reject(toFailure(new FlexetlError('TARGET_BUSY', { message: 'Held.' }))),
  );
  expect(await harness.run(input)).toMatchObject({ status: 'failed', error: { code: 'TARGET_INVALID' } });
  expect(harness.tables(`${file}.db`)).toEqual([expect.stringContaining('_flexetl_stage_t_')]);
  harness.mend();
}

describe('a run whose loads were left half done', () => {
  it.each(['append', 'replace'] as const)(
    'under the same key, from a file that has changed since, loads that file and none of the other: %s',
    async (mode) => {
      const file = `half-${mode}`;
      const name = add(file, mode);
      await leaveHalf({ name, run_key: 'k' }, file);
      write(file, 'new');
      const report = await harness.run({ name, run_key: 'k' });
      expect(report).toMatchObject({ status: 'succeeded', balanced: true });
      expect(report.warnings).toEqual([
        expect.stringMatching(/^Started again from the beginning, with half-.*: what was staged is of half-/),
      ]);
      expect(found(file)).toEqual([['new', BigInt(ROWS)]]);
      expect(harness.tables(`${file}.db`)).toEqual(['t']);
    },
  );

  it('under the same key, from the same file, loads only the parts that are missing', async () => {
    const name = add('rest');
    await leaveHalf({ name, run_key: 'k' }, 'rest');
    const loaded = harness.query('rest.db', 'SELECT part, loaded_at FROM _flexetl_loads WHERE part >= 0');
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'succeeded', balanced: true });
    expect(found('rest')).toEqual([['old', BigInt(ROWS)]]);
    const parts = harness.query('rest.db', 'SELECT part, loaded_at FROM _flexetl_loads WHERE part >= 0');
    expect(parts).toHaveLength(3);
    expect(parts).toEqual(expect.arrayContaining(loaded));
  });

  it('under another key leaves nothing of them', async () => {
    const name = add('other');
    await leaveHalf({ name, run_key: 'k' }, 'other');
    await harness.run({ name, run_key: 'k2' });
    expect(found('other')).toEqual([['old', BigInt(ROWS)]]);
    expect(harness.tables('other.db')).toEqual(['t']);
    expect(harness.query('other.db', 'SELECT DISTINCT run_key FROM _flexetl_loads')).toEqual([['k2']]);
  });
});

it('A run that was terminated leaves nothing that the next one does not clear', async () => {
  const name = add('terminated');
  const gate = createGate();
  harness.fake('load', (real) => async (input) => {
    if (input.part > 0) await gate.pass();
    return real(input);
  });
  const handle = await harness.start({ name, run_key: 'k' });
  await gate.reached;
  await handle.terminate();
  harness.mend();
  expect(await harness.run({ name, run_key: 'k2' })).toMatchObject({ status: 'succeeded' });
  expect(harness.tables('terminated.db')).toEqual(['t']);
  gate.open();
  expect(found('terminated')).toEqual([['old', BigInt(ROWS)]]);
});

describe('a run whose rows are in the target', () => {
  it.each(['append', 'replace'] as const)(
    'under its key does nothing but say so, and under other input is refused: %s',
    async (mode) => {
      const file = `published-${mode}`;
      const name = add(file, mode);
      const first = await harness.run({ name, run_key: 'k' });
      const kept = (): unknown => readRunReport(harness.dir, name, 'k');
      const steps = watchSteps();
      expect(await harness.run({ name, run_key: 'k' })).toMatchObject({
        status: 'succeeded',
        balanced: true,
        targets: [{ rows_loaded: 0, already: { run_key: 'k', rows: ROWS } }],
      });
      expect(steps).toEqual(['prepare', 'finish']);
      expect(kept()).toEqual(first);
      write(file, 'new');
      expect(await harness.run({ name, run_key: 'k' })).toMatchObject({
        status: 'failed',
        error: { code: 'KEY_REUSED', step: 'prepare' },
        targets: [],
      });
      expect(kept()).toEqual(first);
      expect(found(file)).toEqual([['old', BigInt(ROWS)]]);
    },
  );

  it('is not loaded again without a key, unless that is asked for', async () => {
    const name = add('keyless');
    await harness.run(name);
    const again = await harness.run(name);
    expect(again).toMatchObject({
      status: 'succeeded',
      targets: [{ rows_loaded: 0, already: { rows: ROWS } }],
    });
    expect(again.run_key).not.toBe(again.targets[0]?.already?.run_key);
    expect(found('keyless')).toEqual([['old', BigInt(ROWS)]]);
    expect(await harness.run({ name, again: true })).toMatchObject({ targets: [{ rows_loaded: ROWS }] });
    expect(found('keyless')).toEqual([['old', BigInt(2 * ROWS)]]);
    await harness.run({ name, run_key: 'k', again: false });
    expect(found('keyless')).toEqual([['old', BigInt(2 * ROWS)]]);
  });

  it('in one of two targets is loaded into the other', async () => {
    const name = add('one', 'append', sqliteTarget('t', 'append', 'two.db'));
    await harness.run({ name, run_key: 'k' });
    const db = openSqlite(join(harness.dir, 'two.db'));
    db.exec('DROP TABLE t');
    db.close();
    const steps = watchSteps();
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({
      status: 'succeeded',
      balanced: true,
      targets: [{ rows_loaded: 0, already: { rows: ROWS } }, { rows_loaded: ROWS }],
    });
    expect(steps.filter((step) => step === 'load')).toHaveLength(3);
    for (const file of ['one', 'two']) expect(found(file)).toEqual([['old', BigInt(ROWS)]]);
  });
});
