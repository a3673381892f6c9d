/** Several targets in one run: published together; one that is down misses its rows, and `retry` loads only these. */
import { ApplicationFailure } from '@temporalio/common';
import { mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { awaitReport } from '../../control/await-report';
import { findRetry, type RetryAddress } from '../../control/find-retry';
import { retryRun, type RetryRequest } from '../../control/retry-run';
import type { Activities } from '../../activities';
import { toFailure } from '../../activities/failures';
import { FlexetlError } from '../../pipeline/errors';
import type { Plugins } from '../../pipeline/config/schema';
import type { RunReport } from '../../pipeline/report';
import { defineTarget, type OpenTarget, type Target } from '../../plugin/target';
import { sqlite } from '../../targets/sqlite';
import { fakeRecords } from '../support/fake-record-source';
import { waitFor } from '../support/wait-for';
import {
  createGate,
  openHarness,
  RETRY_FAST,
  sqliteTarget,
  type Harness,
  type RunHandle,
} from '../support/worker-harness';

const ROWS = 60;
const STEPS = ['prepare', 'extract', 'validate', 'transform', 'load', 'publish'] as const;

/** Databases that do not answer. */
const down = new Set<string>();

/** SQLite as on a server that can be down. */
const remote = defineTarget<{ database: string }>({
  ...(sqlite as unknown as Target<{ database: string }>),
  type: 'remote',
  open(options, context) {
    const real = sqlite.open(options as never, context);
    const ifUp = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => {
        if (!down.has(options.database)) return call(...args);
        const message = `${options.database} does not answer.`;
        return Promise.reject(new FlexetlError('TARGET_UNREACHABLE', { message }));
      };
    };
    return Object.fromEntries(
      Object.entries(real).map(([name, call]) => [name, ifUp(call as never)]),
    ) as unknown as OpenTarget;
  },
});

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness({
    sources: [fakeRecords],
    targets: [remote] as unknown as Plugins['targets'],
  });
});
afterEach(() => {
  harness.mend();
  down.clear();
});
afterAll(() => harness.close());

const remoteTarget = (database: string, mode: 'replace' | 'append' = 'replace'): object => ({
  ...sqliteTarget('t', mode, database),
  type: 'remote',
});

interface Given {
  name: string;
  file: string;
  databases: string[];
}

/** A pipeline of three parts into several databases. It gives up a target that is down at once. */
function add(what: string, { count = 3, mode = 'replace' as 'replace' | 'append' } = {}): Given {
  const file = `${what}.csv`;
  write(file, 'old');
  const databases = Array.from({ length: count }, (_, index) => `${what}-${index}.db`);
  const name = harness.addPipeline({
    source: { path: file },
    targets: databases.map((database) => remoteTarget(database, mode)),
    fault_tolerance: { ...RETRY_FAST, busy_timeout_seconds: 0 },
    scalability: { processing: { chunk_size: 20 } },
  });
  return { name, file, databases };
}

function write(file: string, version: string): void {
  const lines = Array.from({ length: ROWS }, (_, index) => `${index},${version}`);
  harness.write(file, `n,version\n${lines.join('\n')}\n`);
}

const found = (database: string | undefined): unknown[][] =>
  harness.query(database ?? '', 'SELECT version, count(*) FROM t GROUP BY version');
const LOADED = [['old', BigInt(ROWS)]];

/** The steps of the runs from now on, as `load 1` for those of a target. */
function watchSteps(): string[] {
  const done: string[] = [];
  for (const step of STEPS)
    harness.fake(
      step,
      (real) =>
        ((input: { target?: number }) => {
          done.push(input.target === undefined ? step : `${step} ${input.target}`);
          return (real as unknown as (input: unknown) => Promise<object>)(input);
        }) as unknown as Activities[typeof step],
    );
  return done;
}

/** What `flexetl retry` starts. */
async function startRetry(
  address: Omit<RetryAddress, 'project'>,
  as: Pick<RetryRequest, 'written' | 'acceptConfigChange'> = {},
): Promise<RunHandle> {
  const { client, project, owner } = harness;
  const request = {
    project: project.name,
    staging: owner.staging,
    taskQueue: project.taskQueue,
    eager: false,
    ...as,
  };
  const run = await findRetry(client, { project: project.name, ...address });
  const result = await retryRun(client, request, run);
  if (!('started' in result)) throw new Error(`Run ${run.run_key} has succeeded.`);
  return result.started;
}

const retry = async (address: Omit<RetryAddress, 'project'>): Promise<RunReport> =>
  awaitReport(await startRetry(address));

const refusalOf = (address: Omit<RetryAddress, 'project'>): Promise<{ code: string; message: string }> =>
  retry(address).then(
    (report) => Promise.reject(new Error(report.status)),
    (error: unknown) => error as FlexetlError,
  );

describe('a run with several targets', () => {
  it('publishes all of them at once, and says within which time', async () => {
    const { name, databases } = add('sweep');
    const gates = databases.map(() => createGate());
    harness.fake('publish', (real) => async (input) => {
      await gates[input.target]?.pass();
      return real(input);
    });
    const handle = await harness.start(name);
    // Each is about to be published before any is.
    for (const { reached } of gates) await reached;
    for (const gate of gates) gate.open();
    const report = await awaitReport(handle);
    const moments = report.targets.map(({ published_at = '' }) => Date.parse(published_at));
    expect(report.publish_skew_ms).toBe(Math.max(...moments) - Math.min(...moments));
    for (const database of databases) expect(found(database)).toEqual(LOADED);
  });

  it('loads them at the same time, from one read of the source', async () => {
    const { name } = add('overlap');
    const steps = watchSteps();
    const gates = [createGate(), createGate(), createGate()];
    harness.fake('load', (real) => async (input) => {
      if (input.part === 0) await gates[input.target]?.pass();
      return real(input);
    });
    const handle = await harness.start(name);
    for (const { reached } of gates) await reached;
    for (const gate of gates) gate.open();
    expect(await awaitReport(handle)).toMatchObject({ status: 'succeeded', balanced: true });
    expect(steps.filter((step) => step === 'prepare')).toHaveLength(1);
    const parts = steps.filter((step) => step === 'transform').length;
    expect([parts > 1, steps.filter((step) => step === 'extract').length]).toEqual([true, parts]);
  });

  it('of which all are down fails before it reads', async () => {
    const { name, databases } = add('all-down', { count: 2 });
    databases.forEach((database) => down.add(database));
    const steps = watchSteps();
    expect(await harness.run(name)).toMatchObject({
      status: 'failed',
      error: { code: 'TARGET_UNREACHABLE', step: 'prepare' },
    });
    expect(steps).toEqual(['prepare']);
  });

  it('of which one cannot be used publishes the others; a retry loads only that one', async () => {
    const { name, databases } = add('refused', { count: 2 });
    const [good = '', bad = ''] = databases;
    mkdirSync(join(harness.dir, bad));
    const steps = watchSteps();
    const report = await harness.run({ name, run_key: 'refused' });
    expect(report).toMatchObject({
      status: 'partial',
      error: { code: 'TARGET_INVALID', step: 'prepare' },
      targets: [
        { status: 'published', rows_loaded: ROWS },
        {
          status: 'failed',
          error: { code: 'TARGET_INVALID', message: expect.stringContaining('it is a folder') },
        },
      ],
    });
    // Nothing is waited for.
    expect(steps.filter((step) => step === 'prepare')).toHaveLength(2);
    expect(found(good)).toEqual(LOADED);
    rmdirSync(join(harness.dir, bad));
    expect(await retry({ name })).toMatchObject({ status: 'succeeded', run_key: 'refused', balanced: true });
    expect(steps.filter((step) => step.startsWith('publish'))).toEqual(['publish 0', 'publish 1']);
    expect(found(bad)).toEqual(LOADED);
  });

  it.each(['prepare', 'validate', 'load', 'publish'] as const)(
    'of which one is down from %s on publishes the others; a retry loads only that one, without the source',
    async (from) => {
      const { name, file, databases } = add(`down-${from}`);
      const at = databases[1] ?? '';
      harness.fake(
        from,
        (real) =>
          ((input: never) => {
            down.add(at);
            return (real as unknown as (input: never) => Promise<object>)(input);
          }) as unknown as Activities[typeof from],
      );
      const report = await harness.run({ name, run_key: from });
      expect(report).toMatchObject({
        status: 'partial',
        error: { code: 'TARGET_UNREACHABLE', step: from },
        targets: [
          { status: 'published', rows_loaded: ROWS },
          { status: 'failed', error: { code: 'TARGET_UNREACHABLE' } },
          { status: 'published', rows_loaded: ROWS },
        ],
      });
      harness.mend();
      down.clear();
      expect(harness.tables(at)).not.toContain('t');
      rmSync(join(harness.dir, file));

      const steps = watchSteps();
      const second = await retry({ name });
      expect(second).toMatchObject({
        status: 'succeeded',
        run_key: from,
        balanced: true,
        config_digest: report.config_digest,
        rows: report.rows,
        targets: [
          { rows_loaded: 0, already: { run_key: from, rows: ROWS } },
          { rows_loaded: ROWS, status: 'published' },
          { rows_loaded: 0, already: { run_key: from, rows: ROWS } },
        ],
      });
      expect(second.publish_skew_ms).toBeGreaterThan(0);
      const ofTargets = steps.filter((step) => /\d/.test(step));
      expect([...new Set(ofTargets)]).toEqual(['load 1', 'publish 1']);
      for (const database of databases) expect(found(database)).toEqual(LOADED);
      expect(harness.staged(name)).toEqual([]);
    },
  );

  it('asks a source of pages for nothing again', async () => {
    const name = harness.addPipeline({
      source: { type: 'fake_records', pages: 5, requests: 'requests.txt' },
      targets: ['pages-0.db', 'pages-1.db'].map((database) => remoteTarget(database, 'append')),
      fault_tolerance: { ...RETRY_FAST, busy_timeout_seconds: 0 },
      scalability: { processing: { chunk_size: 1 } },
    });
    down.add('pages-1.db');
    expect(await harness.run({ name, run_key: 'k' })).toMatchObject({ status: 'partial' });
    down.clear();
    const requests = (): string => readFileSync(join(harness.dir, 'requests.txt'), 'utf8');
    const before = requests();
    expect(await retry({ name })).toMatchObject({ status: 'succeeded', balanced: true });
    expect(requests()).toBe(before);
    const all = (database: string): unknown => harness.query(database, 'SELECT * FROM t ORDER BY id');
    expect(all('pages-1.db')).toEqual(all('pages-0.db'));
    expect(all('pages-0.db')).toHaveLength(15);
  });
});

describe('a retry', () => {
  /** A run whose second target is down. */
  async function leavePartial(what: string, mode: 'replace' | 'append' = 'replace'): Promise<Given> {
    const given = add(what, { count: 2, mode });
    down.add(given.databases[1] ?? '');
    expect(await harness.run({ name: given.name, run_key: what })).toMatchObject({ status: 'partial' });
    down.clear();
    return given;
  }

  it('loads the rows that were read, although the source has changed since', async () => {
    const { name, file, databases } = await leavePartial('changed');
    write(file, 'new');
    expect(await retry({ name: 'changed' })).toMatchObject({ status: 'succeeded', pipeline: name });
    for (const database of databases) expect(found(database)).toEqual(LOADED);
  });

  it('of a pipeline goes on with the run that later ones wait for', async () => {
    const { name, databases } = await leavePartial('waited-for');
    harness.fake('prepare', () => () => {
      throw ApplicationFailure.nonRetryable('The targets differ.', 'STATES_DIFFER');
    });
    expect(await harness.run({ name, run_key: 'later' })).toMatchObject({ status: 'failed' });
    harness.mend();
    expect(await retry({ name })).toMatchObject({ status: 'succeeded', run_key: 'waited-for' });
    for (const database of databases) expect(found(database)).toEqual(LOADED);
  });

  it('that fails or is cancelled can be done again', async () => {
    const { name, databases } = await leavePartial('again');
    down.add(databases[1] ?? '');
    expect(await retry({ name })).toMatchObject({ status: 'partial', error: { code: 'TARGET_UNREACHABLE' } });
    const gate = createGate();
    harness.fake('prepare', (real) => async (input) => {
      await gate.pass();
      return real(input);
    });
    const handle = await startRetry({ name });
    await gate.reached;
    await handle.cancel();
    gate.open();
    expect(await awaitReport(handle)).toMatchObject({ status: 'cancelled' });
    harness.mend();
    down.clear();
    expect(await retry({ name })).toMatchObject({ status: 'succeeded' });
    expect(found(databases[1])).toEqual(LOADED);
  });

  it('goes on by a changed file that is accepted, also after a retry by the file as it was', async () => {
    const { name, databases } = add('accepted', { count: 2 });
    const file = `configs/${name}.yaml`;
    const text = readFileSync(join(harness.dir, file), 'utf8');
    down.add(databases[1] ?? '');
    expect(await harness.run({ name, run_key: 'k', text, file })).toMatchObject({ status: 'partial' });
    expect(await retry({ name })).toMatchObject({ status: 'partial' });
    down.clear();
    const written = { file, text: text.replaceAll('accepted-1.db', 'accepted-2.db') };
    const handle = await startRetry({ name }, { written, acceptConfigChange: true });
    expect(await awaitReport(handle)).toMatchObject({ status: 'succeeded', run_key: 'k', balanced: true });
    expect(found('accepted-2.db')).toEqual(LOADED);
  });

  it('of a run whose one target was down goes on where it was', async () => {
    const { name, file, databases } = add('single', { count: 1 });
    harness.fake(
      'load',
      () => () => Promise.reject(toFailure(new FlexetlError('TARGET_INVALID', { message: 'Torn.' }))),
    );
    expect(await harness.run({ name, run_key: 'single' })).toMatchObject({ status: 'failed' });
    harness.mend();
    rmSync(join(harness.dir, file));
    expect(await retry({ name })).toMatchObject({ status: 'succeeded', run_key: 'single', balanced: true });
    expect(found(databases[0])).toEqual(LOADED);
  });

  it('of a run that has staged nothing of use reads the source', async () => {
    const { name, file, databases } = add('absent', { count: 1 });
    rmSync(join(harness.dir, file));
    expect(await harness.run(name)).toMatchObject({ status: 'failed', error: { code: 'SOURCE_MISSING' } });
    write(file, 'old');
    expect(await retry({ name })).toMatchObject({ status: 'succeeded' });
    expect(found(databases[0])).toEqual(LOADED);
  });

  it('is refused where the staged parts are gone', async () => {
    const { name, databases } = await leavePartial('expired');
    rmSync(join(harness.settings.stagingDir, harness.project.name, name), { recursive: true });
    const report = await retry({ name });
    expect(report).toMatchObject({ status: 'failed', error: { code: 'RETRY_REFUSED', step: 'prepare' } });
    expect(report.error?.message).toMatch(/^The staged parts of run expired are gone: .* 7 days/);
    expect(report.error?.hint).toContain(`flexetl run ${name} --run-key "expired"`);
    // What the hint says works.
    expect(await harness.run({ name, run_key: 'expired' })).toMatchObject({ status: 'succeeded' });
    for (const database of databases) expect(found(database)).toEqual(LOADED);
  });

  it('is refused where a newer run has loaded, unless its rows are added to the others', async () => {
    const old = await leavePartial('older');
    expect(await harness.run({ name: old.name, run_key: 'newer' })).toMatchObject({ status: 'succeeded' });
    const refusal = await refusalOf({ name: old.name, runKey: 'older' });
    expect([refusal.code, refusal.message]).toEqual([
      'RETRY_REFUSED',
      expect.stringMatching(/the newer run newer has loaded the pipeline since/) as string,
    ]);
    const added = await leavePartial('older-append', 'append');
    await harness.run({ name: added.name, run_key: 'newer-append' });
    expect(await retry({ name: 'older-append' })).toMatchObject({ status: 'succeeded' });
    for (const database of added.databases) expect(found(database)).toEqual([['old', BigInt(2 * ROWS)]]);
  });

  it('is refused of an open run, and of one that was cancelled', async () => {
    const { name } = add('open', { count: 1 });
    const gate = createGate();
    harness.fake('extract', (real) => async (input) => {
      await gate.pass();
      return real(input);
    });
    const handle = await harness.start({ name, run_key: 'open' });
    await gate.reached;
    expect(await refusalOf({ name })).toMatchObject({ code: 'RUN_IN_PROGRESS' });
    await handle.cancel();
    gate.open();
    await awaitReport(handle);
    expect(await refusalOf({ name })).toMatchObject({
      code: 'RETRY_REFUSED',
      message: expect.stringContaining('it was cancelled') as string,
    });
    expect(await refusalOf({ name: 'nobody' })).toMatchObject({ code: 'RUN_NOT_FOUND' });
    expect(await refusalOf({ name, runKey: 'nobody' })).toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  it('of a terminated run takes up what it has staged', async () => {
    const { name, file, databases } = add('terminated', { count: 1 });
    const gate = createGate();
    harness.fake('load', (real) => async (input) => {
      await gate.pass();
      return real(input);
    });
    const handle = await harness.start({ name, run_key: 'terminated' });
    await gate.reached;
    await handle.terminate();
    harness.mend();
    rmSync(join(harness.dir, file));
    const again = await startRetry({ name });
    gate.open();
    expect(await awaitReport(again)).toMatchObject({ status: 'succeeded', run_key: 'terminated' });
    expect(found(databases[0])).toEqual(LOADED);
  });

  it('needs the pipeline beside a key that several pipelines have', async () => {
    const names = [add('first', { count: 1 }), add('second', { count: 1 })].map(({ name }) => name);
    for (const name of names) await harness.run({ name, run_key: 'shared' });
    // Lists of runs are a moment behind.
    await waitFor(async () => (await refusalOf({ name: 'shared' })).code === 'USAGE', { what: 'both runs' });
    expect((await refusalOf({ name: 'shared' })).message).toMatch(/^Several pipelines have a run shared: /);
  });
});
