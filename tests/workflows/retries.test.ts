import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from '../../activities/failures';
import { createStep } from '../../activities/step';
import type { StepContext } from '../../engine/context';
import type { Deps } from '../../engine/deps';
import { prepareRun } from '../../engine/prepare';
import type { ExtractInput } from '../../engine/extract/extract';
import { extractPartition } from '../../engine/extract/extract';
import type { ExtractResult } from '../../engine/extract/receipt';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import {
  createGate,
  openHarness,
  RETRY_FAST,
  sqliteTarget,
  type Harness,
  type RunHandle,
} from '../support/worker-harness';

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  const lines = Array.from({ length: 50 }, (_, index) => `${index},name ${index}`);
  harness.write('data.csv', `n,name\n${lines.join('\n')}\n`);
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

const add = (retry: object = RETRY_FAST.retry, database = 'out.db'): string =>
  harness.addPipeline({
    source: { path: 'data.csv' },
    targets: [sqliteTarget('t', 'replace', database)],
    fault_tolerance: { retry },
    scalability: { processing: { chunk_size: 20 } },
  });

/** Makes a step fail its first times. */
function failExtract(times: number, failure: () => Error): { calls(): number } {
  let calls = 0;
  harness.fake('extract', (real) => async (input) => {
    calls += 1;
    if (calls <= times) throw failure();
    return real(input);
  });
  return { calls: () => calls };
}

const shutdown = (): Error => ApplicationFailure.nonRetryable('The worker was shut down.', 'WORKER_SHUTDOWN');
const torn = (): Error => ApplicationFailure.retryable('It is torn.', 'TRANSIENT');

/** The timers of a run in its order, in milliseconds. */
async function timersOf(handle: RunHandle): Promise<number[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => {
    const time = timer?.startToFireTimeout;
    return time ? [Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6] : [];
  });
}

describe('a step that fails for a while', () => {
  it('is tried again until it succeeds, and the report has the attempts', async () => {
    failExtract(2, torn);
    const report = await harness.run(add());
    expect(report).toMatchObject({
      status: 'succeeded',
      steps: { extract: { attempts: 3 }, load: { attempts: 1 } },
    });
  });

  it.each([
    ['max_attempts', { ...RETRY_FAST.retry, max_attempts: 2 }, 2],
    ['enabled', { enabled: false }, 1],
  ])('is given up as %s says, and tells why', async (_title, retry, attempts) => {
    const step = failExtract(99, torn);
    const report = await harness.run(add(retry));
    expect(report).toMatchObject({
      status: 'failed',
      error: { code: 'TRANSIENT', message: 'It is torn.', step: 'extract' },
      steps: { extract: { attempts } },
    });
    expect(step.calls()).toBe(attempts);
  });

  it.each([
    [
      {
        max_attempts: 4,
        backoff_strategy: 'exponential',
        backoff_multiplier: 3,
        initial_backoff_seconds: 0.01,
        max_backoff_seconds: 0.05,
      },
      [10, 30, 50],
    ],
    [
      {
        max_attempts: 5,
        backoff_strategy: 'linear',
        initial_backoff_seconds: 0.02,
        max_backoff_seconds: 0.07,
      },
      [20, 40, 60, 70],
    ],
    [
      {
        max_attempts: 3,
        backoff_strategy: 'constant',
        initial_backoff_seconds: 0.02,
        max_backoff_seconds: 1,
      },
      [20, 20],
    ],
  ])('waits between attempts as %j says, or up to a quarter less by chance', async (retry, pauses) => {
    failExtract(99, torn);
    const handle = await harness.start(add(retry));
    await expect(handle.result()).rejects.toThrow();
    const waited = await timersOf(handle);
    expect(waited).toHaveLength(pauses.length);
    for (const [index, pause] of pauses.entries()) {
      expect(waited[index]).toBeGreaterThanOrEqual(pause * 0.75);
      expect(waited[index]).toBeLessThanOrEqual(pause);
    }
    // Chance has a say in them.
    expect(waited).not.toEqual(pauses);
  });

  it('never runs without a bound in time and a heartbeat; the server itself tries nothing again', async () => {
    const handle = await harness.start(add());
    await handle.result();
    const { events } = await handle.fetchHistory();
    const scheduled = (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
    expect(scheduled.length).toBeGreaterThan(8);
    for (const { startToCloseTimeout, scheduleToCloseTimeout, heartbeatTimeout, retryPolicy } of scheduled) {
      expect(
        [startToCloseTimeout, scheduleToCloseTimeout, heartbeatTimeout].map((time) => Number(time?.seconds)),
      ).toEqual([86_400, 604_800, 10]);
      expect(retryPolicy?.maximumAttempts).toBe(1);
    }
  });

  it.each([
    [1, 1],
    [4, 4],
  ])(
    'in prepare is given up after max_attempts: %i too, known only to prepare',
    async (max_attempts, calls) => {
      let prepared = 0;
      harness.fake('prepare', () => (input) => {
        prepared += 1;
        return createStep(harness.deps, harness.owner, 'prepare', prepareRun)(input);
      });
      const commit = jest.spyOn(harness.deps.staging, 'sweep').mockRejectedValue(new Error('A bad day.'));
      try {
        const report = await harness.run(add({ ...RETRY_FAST.retry, max_attempts }));
        expect(report).toMatchObject({
          status: 'failed',
          error: { code: 'INTERNAL', step: 'prepare', message: 'Unexpected: A bad day.' },
          steps: { prepare: { attempts: calls } },
        });
        expect(report.error).not.toHaveProperty('fault_tolerance');
        expect(prepared).toBe(calls);
      } finally {
        commit.mockRestore();
      }
    },
  );
});

describe('a step that gets to a worker of another project', () => {
  it('goes to the right one, which costs no attempt', async () => {
    const foreign = { ...harness.owner, project: 'other' };
    let calls = 0;
    harness.fake('extract', (real) => (input) => {
      calls += 1;
      const refusing = createStep(harness.deps, foreign, 'extract', extractPartition);
      return calls <= 2 ? refusing(input) : real(input);
    });
    const handle = await harness.start(add({ enabled: false }));
    expect(await handle.result()).toMatchObject({ status: 'succeeded', steps: { extract: { attempts: 1 } } });
    expect(await timersOf(handle)).toEqual([100, 200]);
  });
});

describe('a step that fails for good', () => {
  it('is not tried again', async () => {
    const step = failExtract(99, () =>
      toFailure(new FlexetlError('SOURCE_UNREADABLE', { message: 'Torn.', hint: 'Repair it.' })),
    );
    expect(await harness.run(add({ ...RETRY_FAST.retry, max_attempts: 9 }))).toMatchObject({
      status: 'failed',
      error: { code: 'SOURCE_UNREADABLE', message: 'Torn.', hint: 'Repair it.' },
    });
    expect(step.calls()).toBe(1);
  });

  it('because the source changed in the middle of the run leaves the target as it was', async () => {
    let calls = 0;
    harness.fake('extract', (real) => async (input) => {
      calls += 1;
      if (calls === 2) appendFileSync(join(harness.dir, 'growing.csv'), '8,later\n');
      return real(input);
    });
    harness.write('growing.csv', `n,name\n${'1,a\n'.repeat(60)}`);
    const name = harness.addPipeline({
      source: { path: 'growing.csv' },
      targets: [sqliteTarget('t', 'replace', 'growing.db')],
      scalability: { processing: { chunk_size: 20 } },
    });
    const report = await harness.run(name);
    expect(report).toMatchObject({
      status: 'failed',
      error: {
        code: 'SOURCE_CHANGED',
        step: 'extract',
        message: 'growing.csv changed while the run was reading it. It had 247 bytes, now it has 255.',
      },
      targets: [],
    });
    expect(calls).toBe(2);
    expect(harness.tables('growing.db')).toEqual([]);
  });

  it('because its result is too large says so, instead of being tried for ever', async () => {
    const work = (): Promise<ExtractResult> =>
      Promise.resolve({ rows: 50, rejected: 0, types: 'x'.repeat(LIMITS.payloadBytesMax) });
    harness.fake('extract', () => createStep(harness.deps, harness.owner, 'extract', work));
    const report = await harness.run(add(RETRY_FAST.retry, 'large.db'));
    expect(report.error).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', step: 'extract' });
    expect(report.error?.message).toMatch(/^The payload of extract has \d+ bytes, the limit is 65536\.$/);
    expect(harness.tables('large.db')).toEqual([]);
  });
});

describe('a worker that is shut down in the middle of a step', () => {
  it('gives the step back after its grace time, and the next worker does it', async () => {
    const alone = await openHarness({ workers: 0 });
    try {
      const gate = createGate();
      const hang = async (
        _deps: Deps,
        _input: ExtractInput,
        { signal }: StepContext,
      ): Promise<ExtractResult> => {
        void gate.pass();
        await once(signal, 'abort');
        throw new Error('The signal came.');
      };
      alone.fake('extract', () => createStep(alone.deps, alone.owner, 'extract', hang));
      alone.write('data.csv', 'n\n1\n');
      const first = await alone.startWorker({ shutdownGraceTime: 100 });
      const name = alone.addPipeline({
        source: { path: 'data.csv' },
        fault_tolerance: { retry: { enabled: false } },
      });
      const handle = await alone.start(name);
      await gate.reached;
      await first.stop();
      alone.mend();
      await alone.startWorker();
      expect(await handle.result()).toMatchObject({
        status: 'succeeded',
        steps: { extract: { attempts: 1 } },
      });
    } finally {
      await alone.close();
    }
  });

  it('costs no attempt: the next worker does the step anew, even if only one attempt is allowed', async () => {
    const step = failExtract(5, shutdown);
    expect(await harness.run(add({ enabled: false }))).toMatchObject({
      status: 'succeeded',
      steps: { extract: { attempts: 1 } },
    });
    expect(step.calls()).toBe(5 + 3);
  });

  it('but a step under which every worker dies is given up in the end', async () => {
    const step = failExtract(999, shutdown);
    const report = await harness.run(add());
    expect(report.status).toBe('failed');
    expect(step.calls()).toBe(21);
  });
});

describe('a run that cannot even clean up', () => {
  it('still tells why it failed', async () => {
    failExtract(99, () => toFailure(new FlexetlError('SOURCE_UNREADABLE', { message: 'Torn.' })));
    harness.fake('abort', () => () => Promise.reject(ApplicationFailure.nonRetryable('No.', 'INTERNAL')));
    expect((await harness.run(add())).error).toMatchObject({ code: 'SOURCE_UNREADABLE', message: 'Torn.' });
  });
});
