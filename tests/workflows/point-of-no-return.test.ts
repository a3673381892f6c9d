/** Before publish a cancelled run has changed nothing; from then on it is completed, whatever comes. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../activities';
import { awaitReport } from '../../control/await-report';
import { LIMITS } from '../../pipeline/limits';
import { openSqlite } from '../../targets/sqlite/binding';
import { reportQuery } from '../../workflows/messages';
import { expectUntouched, makeOldTable } from '../support/old-table';
import { readRunReport } from '../support/report';
import {
  createGate,
  openHarness,
  RETRY_FAST,
  sqliteTarget,
  type Harness,
  type RunHandle,
} from '../support/worker-harness';

const ROWS = 60;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  const lines = Array.from({ length: ROWS }, (_, index) => `${index},${index}.5`);
  harness.write('data.csv', `n,v\n${lines.join('\n')}\n`);
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

const add = (database: string): string =>
  harness.addPipeline({
    source: { path: 'data.csv' },
    targets: [sqliteTarget('t', 'append', database)],
    fault_tolerance: RETRY_FAST,
  });

describe('a run with two targets that is cancelled', () => {
  const STEPS = ['prepare', 'extract', 'validate', 'transform', 'load', 'publish', 'finish'] as const;
  /** Begin and end of each activity of the run, in order. */
  const MOMENTS = [
    ...['prepare', 'extract', 'extract', 'validate', 'transform', 'load', 'load', 'publish', 'publish'],
    'finish',
  ].flatMap((step, index) => [
    [`before the ${step} that is activity ${index}`, index, 'before'] as const,
    [`after the ${step} that is activity ${index}`, index, 'after'] as const,
  ]);
  const FIRST_PUBLISH = 7;

  /** Calls `act` at a moment of the run: before or after its n-th activity has done its work. */
  function at(moment: number, when: 'before' | 'after', act: () => Promise<unknown>): { calls(): number } {
    let calls = 0;
    for (const step of STEPS) {
      harness.fake(
        step,
        (real) =>
          (async (input: never) => {
            const isIt = calls === moment;
            calls += 1;
            if (isIt && when === 'before') await act();
            const result = await (real as unknown as (input: never) => Promise<object>)(input);
            if (isIt && when === 'after') await act();
            return result;
          }) as unknown as Activities[typeof step],
      );
    }
    return { calls: () => calls };
  }

  it.each(MOMENTS)('%s has changed both or none of them, and says which', async (_title, moment, when) => {
    const databases = ['one', 'two'].map((name) => `${name}-${moment}-${when}.db`);
    databases.forEach((database) => makeOldTable(harness, database));
    const name = harness.addPipeline({
      source: { path: 'data.csv' },
      transformations: [{ type: 'sort', by: ['n'] }],
      targets: databases.map((database) => sqliteTarget('t', 'replace', database)),
      scalability: { processing: { chunk_size: ROWS / 2 } },
      fault_tolerance: RETRY_FAST,
    });
    const handles: RunHandle[] = [];
    const started = createGate();
    const activities = at(moment, when, async () => {
      await started.reached;
      await handles[0]?.cancel();
    });
    const handle = await harness.start({ name, run_key: 'k' });
    handles.push(handle);
    void started.pass();
    const report = await awaitReport(handle);

    expect(readRunReport(harness.dir, name, 'k')).toEqual(report);
    expect(harness.staged(name)).toEqual([]);
    const status = (await handle.describe()).status.name;
    const isPublished = moment >= FIRST_PUBLISH;
    expect([report.status, status]).toEqual(
      isPublished ? ['succeeded', 'COMPLETED'] : ['cancelled', 'CANCELLED'],
    );
    if (!isPublished) return databases.forEach((database) => expectUntouched(harness, database));
    expect(activities.calls()).toBe(10);
    expect(report.targets.map((target) => target.status)).toEqual(['published', 'published']);
    for (const database of databases)
      expect(harness.query(database, 'SELECT count(*) FROM t')).toEqual([[BigInt(ROWS)]]);
    // The last publish may be over before the cancellation arrives.
    if (moment < 8)
      expect(report.warnings).toEqual([
        'The run was asked to stop while its targets were published: it was completed instead.',
      ]);
  });
});

describe('a run that is published', () => {
  const reports = (name: string): string => join(harness.dir, 'output', 'reports', name);
  /** Acts when the run is about to write its report. */
  const beforeFinish = (act: () => void): { calls(): number } => {
    let calls = 0;
    harness.fake('finish', (real) => (input) => {
      calls += 1;
      act();
      return real(input);
    });
    return { calls: () => calls };
  };

  it('has succeeded, with a warning, even if its report cannot be written', async () => {
    const name = add('no-report.db');
    const step = beforeFinish(() => {
      rmSync(reports(name), { recursive: true, force: true });
      writeFileSync(reports(name), 'This is a file.');
    });
    const handle = await harness.start({ name, run_key: 'k' });
    const report = await handle.result();
    expect(report).toMatchObject({ status: 'succeeded', balanced: true, error: null });
    expect(report.warnings).toEqual([
      expect.stringMatching(/The run report cannot be written to output\/reports/),
    ]);
    expect(await handle.query(reportQuery)).toEqual(report);
    expect(step.calls()).toBe(3);
    expect(harness.query('no-report.db', 'SELECT count(*) FROM t')).toEqual([[60n]]);
    expect(harness.staged(name)).toEqual([]);
  });

  it('makes the folder of its report again, and leaves no draft of a killed attempt in it', async () => {
    const name = add('gone.db');
    beforeFinish(() => {
      rmSync(reports(name), { recursive: true });
      mkdirSync(reports(name));
      for (const draft of ['k.json.1.tmp', 'other.json.1.tmp'])
        writeFileSync(join(reports(name), draft), '{');
    });
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'succeeded', warnings: [] });
    expect(readdirSync(reports(name)).sort()).toEqual(['k.html', 'k.json', 'other.json.1.tmp']);
  });

  it('has succeeded even if the end of it fails for good', async () => {
    harness.fake('finish', () => () => Promise.reject(ApplicationFailure.nonRetryable('No.', 'INTERNAL')));
    const report = await harness.run(add('no-end.db'));
    expect(report).toMatchObject({
      status: 'succeeded',
      warnings: ['The end of the run is incomplete, its report or its clean-up: No.'],
    });
  });
});

describe('a run that fails while its target is locked', () => {
  it('writes its report first, and says what is still to be removed', async () => {
    jest.replaceProperty(LIMITS, 'sqliteBusyMs', 100 as never);
    const user = openSqlite(join(harness.dir, 'owed.db'));
    try {
      harness.fake('publish', () => () => {
        user.exec('BEGIN IMMEDIATE');
        return Promise.reject(ApplicationFailure.nonRetryable('It is torn.', 'SOURCE_UNREADABLE'));
      });
      const name = add('owed.db');
      const report = await harness.run({ name, run_key: 'k' });
      expect(report).toMatchObject({ status: 'failed', error: { message: 'It is torn.', step: 'publish' } });
      expect(report.warnings).toEqual([
        'Rows that are not published could not be removed, which the next runs of the pipeline will do: owed.db is locked by another program.',
      ]);
      expect(readRunReport(harness.dir, name, 'k')).toEqual(report);
    } finally {
      user.close();
      jest.restoreAllMocks();
    }
  });
});
