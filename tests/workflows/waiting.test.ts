/** What comes back by itself is waited for, and costs no attempt. */
import { CancelledFailure } from '@temporalio/common';
import pino from 'pino';
import { createStep } from '../../activities/step';
import { toFailure } from '../../activities/failures';
import type { Activities } from '../../activities';
import { listNewestRuns, withWaits } from '../../control/list-runs';
import { loadPart } from '../../engine/load';
import { FlexetlError, type ErrorCode } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { reportQuery, progressQuery } from '../../workflows/messages';
import { openSqlite } from '../../targets/sqlite/binding';
import { ITEMS, itemsOf, pageOf, sendPage, startApi } from '../support/api/loopback-api';
import { waitFor } from '../support/wait-for';
import {
  openHarness,
  RETRY_FAST,
  sqliteTarget,
  type Harness,
  type RunHandle,
} from '../support/worker-harness';
import { join } from 'node:path';

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  harness.write('data.csv', 'n\n1\n2\n');
});
const closeAfter: (() => Promise<void>)[] = [];
afterEach(async () => {
  harness.mend();
  jest.restoreAllMocks();
  for (const close of closeAfter.splice(0)) await close();
});
afterAll(() => harness.close());

/** One attempt only: whatever is tried again was a wait. */
const add = (database: string, busy_timeout_seconds = 600): string =>
  harness.addPipeline({
    source: { path: 'data.csv' },
    targets: [sqliteTarget('t', 'replace', database)],
    fault_tolerance: { retry: { ...RETRY_FAST.retry, max_attempts: 1 }, busy_timeout_seconds },
  });

/** Makes a step fail until `mend`. */
function block(step: 'prepare' | 'extract' | 'load' | 'finish', code: ErrorCode): { calls(): number } {
  let calls = 0;
  harness.fake(
    step,
    () =>
      (() => {
        calls += 1;
        return Promise.reject(toFailure(new FlexetlError(code, { message: 'It is away.' })));
      }) as unknown as Activities[typeof step],
  );
  return { calls: () => calls };
}

async function waitingOf(handle: RunHandle, what: string): Promise<void> {
  // Fails until the workflow is there.
  const progress = () => handle.query(progressQuery).catch(() => undefined);
  const shown = async (): Promise<boolean> => (await progress())?.waiting.includes(what) ?? false;
  await waitFor(shown, { what: `the run to say: ${what}`, deadlineMs: 30_000 });
}

describe('a step that needs what comes back', () => {
  it.each([
    ['prepare', 'TARGET_BUSY', 'the target'],
    ['prepare', 'DISK_FULL', 'disk space'],
    ['extract', 'DISK_FULL', 'disk space'],
    ['extract', 'PATH_UNWRITABLE', 'a writable folder'],
    ['load', 'TARGET_UNREACHABLE', 'the target'],
  ] as const)('in %s waits, after %s, for %s, says so, and goes on', async (step, code, what) => {
    block(step, code);
    const handle = await harness.start(add(`${step}-${code}.db`));
    await waitingOf(handle, `waiting for ${what}: It is away`);
    harness.mend();
    const report = await handle.result();
    expect(report).toMatchObject({ status: 'succeeded', steps: { [step]: { attempts: 1 } } });
    expect((await handle.query(progressQuery)).waiting).toEqual([]);
    expect(harness.query(`${step}-${code}.db`, 'SELECT n FROM t')).toEqual([[1n], [2n]]);
  });

  it('waits as long as a service asks with Retry-After, without a worker, and goes on', async () => {
    jest.replaceProperty(LIMITS, 'apiPauseMsMax', 100 as never);
    const askedMs: number[] = [];
    const server = await startApi({
      items({ response, ...one }) {
        askedMs.push(performance.now());
        if (one.count === 1) response.writeHead(429, { 'retry-after': '2' }).end();
        else sendPage({ response, ...one }, { items: itemsOf(pageOf({ response, ...one })) });
      },
    });
    closeAfter.push(() => server.close());
    const name = harness.addPipeline({
      source: {
        type: 'api',
        url: server.urlOf('items'),
        record_path: '$.data',
        allow_private: true,
        pagination: { type: 'page' },
      },
      targets: [sqliteTarget('t', 'replace', 'api.db')],
      fault_tolerance: { retry: { ...RETRY_FAST.retry, max_attempts: 1 } },
    });
    const handle = await harness.start(name);
    const place = `api page 2 (${server.urlOf('items')})`;
    const what = `${place}: status 429 (Too Many Requests), and asks to wait for 2 s`;
    await waitingOf(handle, `waiting for the source: ${what}`);
    const report = await handle.result();
    expect(report).toMatchObject({ status: 'succeeded', steps: { extract: { attempts: 1 } } });
    const [, refusedMs = NaN, againMs = NaN] = askedMs;
    expect(againMs - refusedMs).toBeGreaterThanOrEqual(2000);
    expect(harness.query('api.db', 'SELECT count(*) FROM t')).toEqual([[BigInt(ITEMS.length)]]);
  });

  it('is given up when busy_timeout_seconds are over, and says why', async () => {
    const step = block('load', 'TARGET_BUSY');
    const report = await harness.run(add('late.db', 1));
    expect(report).toMatchObject({
      status: 'failed',
      error: { code: 'TARGET_BUSY', message: 'It is away.', step: 'load' },
    });
    // After half a second; after another whole one the time would be over.
    expect(step.calls()).toBe(2);
    block('load', 'TARGET_BUSY');
    expect(await harness.run(add('never.db', 0))).toMatchObject({ status: 'failed' });
  });

  it('can be cancelled while it waits', async () => {
    block('load', 'DISK_FULL');
    const name = add('cancelled.db');
    const handle = await harness.start(name);
    await waitingOf(handle, 'waiting for disk space: It is away');
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) as Error });
    expect(await handle.query(reportQuery)).toMatchObject({ status: 'cancelled' });
    expect(harness.staged(name)).toEqual([]);
  });

  it('does not wait for a folder that cannot be written from the start: that is a mistake', async () => {
    const step = block('prepare', 'PATH_UNWRITABLE');
    expect((await harness.run(add('mistake.db'))).error).toMatchObject({ code: 'PATH_UNWRITABLE' });
    expect(step.calls()).toBe(1);
  });
});

describe('a target that others hold locked', () => {
  it('from the start on is waited for, though one attempt is allowed', async () => {
    jest.replaceProperty(LIMITS, 'sqliteBusyMs', 100 as never);
    const user = openSqlite(join(harness.dir, 'locked.db'));
    user.exec('CREATE TABLE mine (x); BEGIN IMMEDIATE');
    const lines: { level: number; msg: string }[] = [];
    const write = (line: string): unknown => lines.push(JSON.parse(line) as (typeof lines)[0]);
    const deps = { ...harness.deps, log: pino({}, { write }) };
    harness.fake('load', () => createStep(deps, harness.owner, 'load', loadPart));
    const pipeline = add('locked.db');
    const handle = await harness.start(pipeline);
    await waitingOf(handle, 'waiting for the target: locked.db is locked by another program');
    // Not a warning, for nothing has failed.
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 30,
        msg: 'load: waiting for the target: locked.db is locked by another program.',
      }),
    );
    expect(lines.filter(({ level }) => level > 30)).toEqual([]);
    const listed = (): ReturnType<typeof listNewestRuns> =>
      listNewestRuns(harness.client, { project: 'test', pipeline });
    await waitFor(async () => (await listed()).length > 0, { what: 'the run to be listed' });
    const waiting = async (): Promise<string | undefined> =>
      (await withWaits(harness.client, 'test', await listed()))[0]?.waiting_for;
    // While an attempt looks whether the lock is gone, nothing is waited for.
    await waitFor(async () => (await waiting()) === 'the target: locked.db is locked by another program', {
      what: 'the list to say what the run waits for',
    });
    user.exec('COMMIT');
    user.close();
    expect(await handle.result()).toMatchObject({ status: 'succeeded', steps: { load: { attempts: 1 } } });
    expect(harness.query('locked.db', 'SELECT n FROM t')).toEqual([[1n], [2n]]);
  });
});
