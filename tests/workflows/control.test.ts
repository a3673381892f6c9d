/** Runs as functions: data in, data out. What the commands say of them is in tests/e2e. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { awaitReport } from '../../control/await-report';
import { cancelRun } from '../../control/cancel-run';
import { findOpenRun, joinRun, type OpenRun } from '../../control/join-run';
import { listNewestRuns, listRuns } from '../../control/list-runs';
import type { RunHandle } from '../../control/run-handle';
import { startRun } from '../../control/start-run';
import { watchRun, type RunProgress } from '../../control/watch-run';
import { buildId } from '../../worker/bundle';
import { waitFor } from '../support/wait-for';
import { createGate, openHarness, sqliteTarget, type Harness } from '../support/worker-harness';

let harness: Harness;
let name: string;

beforeAll(async () => {
  harness = await openHarness();
  harness.write('data.csv', 'n\n1\n2\n');
});
beforeEach(() => (name = harness.addPipeline({ source: { path: 'data.csv' } })));
let openGate = (): void => undefined;
afterEach(() => {
  openGate();
  harness.mend();
});
afterAll(() => harness.close());

function start(run_key: string, pipeline = name): Promise<{ started: RunHandle } | { open: OpenRun }> {
  return startRun(harness.client, {
    input: { ...harness.owner, name: pipeline, run_key, request_digest: 'sha256:t' },
    taskQueue: harness.project.taskQueue,
    summary: 'csv → sqlite',
    eager: false,
  });
}

async function started(run_key: string, pipeline = name): Promise<RunHandle> {
  const result = await start(run_key, pipeline);
  if ('open' in result) throw new Error('A run is open.');
  return result.started;
}

/** Holds runs in validate until it is opened. */
function holdRuns(): ReturnType<typeof createGate> {
  const gate = createGate();
  openGate = gate.open;
  harness.fake('validate', (real) => async (input) => {
    await gate.pass();
    return real(input);
  });
  return gate;
}

describe('a run', () => {
  it('is started and gives its report', async () => {
    const report = await awaitReport(await started('k1'));
    expect(report).toMatchObject({ pipeline: name, run_key: 'k1', status: 'succeeded' });
  });

  it('that is open is found by a second start, and joined', async () => {
    const gate = holdRuns();
    const handle = await started('k1');
    await gate.reached;
    const second = await start('k2');
    if (!('open' in second)) throw new Error('No run is open.');
    expect(second.open).toEqual({
      project: 'test',
      pipeline: name,
      runId: expect.any(String) as string,
      runKey: 'k1',
      requestDigest: 'sha256:t',
      staging: harness.owner.staging,
      startedAt: expect.any(Date) as Date,
      cancelRequested: false,
      build: buildId(),
    });
    gate.open();
    expect(await awaitReport(joinRun(harness.client, second.open))).toMatchObject({ run_key: 'k1' });
    expect((await handle.result()).status).toBe('succeeded');
    expect(await findOpenRun(harness.client, { project: 'test', pipeline: name })).toBeUndefined();
  });

  it('is cancelled, and says so', async () => {
    const gate = holdRuns();
    await started('k1');
    await gate.reached;
    const handle = await cancelRun(harness.client, { project: 'test', pipeline: name });
    expect((await findOpenRun(harness.client, { project: 'test', pipeline: name }))?.cancelRequested).toBe(
      true,
    );
    gate.open();
    expect(await awaitReport(handle)).toMatchObject({ run_key: 'k1', status: 'cancelled' });
  });

  it.each([
    ['never run', () => `none-${randomUUID()}`],
    ['ended', () => name],
  ])('cannot be cancelled when it has %s', async (_, nameOf) => {
    await awaitReport(await started('k1'));
    await expect(cancelRun(harness.client, { project: 'test', pipeline: nameOf() })).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
    });
  });

  it('that was terminated has no report', async () => {
    const gate = holdRuns();
    const handle = await started('k1');
    await gate.reached;
    await handle.terminate();
    gate.open();
    await expect(awaitReport(handle)).rejects.toMatchObject({
      code: 'RUN_TERMINATED',
      message: expect.stringContaining('was terminated') as string,
      hint: 'Run again with --run-key "k1": what is published is then not loaded twice.',
    });
  });

  it('shows how far it is while it is watched', async () => {
    const gate = holdRuns();
    const handle = await started('k1');
    await gate.reached;
    const seen: RunProgress[] = [];
    const stop = watchRun(harness.client, handle, (progress) => seen.push(progress));
    await waitFor(() => seen.length > 0, { what: 'progress' });
    await stop();
    const looks = seen.length;
    expect(seen[0]).toMatchObject({ step: 'validate', run_key: 'k1', rows_read: 2, fraction: 0.52 });
    gate.open();
    await awaitReport(handle);
    await stop();
    expect(seen).toHaveLength(looks);
  });
});

describe('runs', () => {
  it('that are partial or were terminated are listed as what they are', async () => {
    const targets = [sqliteTarget('a'), sqliteTarget('b')];
    const partial = harness.addPipeline({
      source: { path: 'data.csv' },
      targets,
      fault_tolerance: { retry: { enabled: false } },
    });
    harness.fake('publish', (real) => (input) => {
      if (input.target === 1) throw new Error('It is locked.');
      return real(input);
    });
    expect(await awaitReport(await started('k1', partial))).toMatchObject({ status: 'partial' });
    const gate = holdRuns();
    const handle = await started('k1');
    await gate.reached;
    await handle.terminate();
    const statusOf = async (pipeline: string): Promise<string | undefined> =>
      (await listRuns(harness.client, { project: 'test', pipeline }))[0]?.status;
    await waitFor(async () => (await statusOf(partial)) === 'partial', { what: 'a partial run' });
    await waitFor(async () => (await statusOf(name)) === 'terminated', { what: 'a terminated run' });
  });

  it('are listed as they are, although the list of the server lags behind', async () => {
    const gate = holdRuns();
    const handle = await started('k1');
    await gate.reached;
    const { list } = harness.client.workflow;
    const listed = async (): Promise<WorkflowExecutionInfo[]> => {
      const found: WorkflowExecutionInfo[] = [];
      for await (const info of list.call(harness.client.workflow, {
        query: `WorkflowId = "${handle.workflowId}"`,
      }))
        found.push(info);
      return found;
    };
    await waitFor(async () => (await listed()).length === 1, { what: 'the run in the list' });
    const before = await listed();
    gate.open();
    await awaitReport(handle);
    const lagging = jest.spyOn(harness.client.workflow, 'list');
    const answer = (infos: readonly WorkflowExecutionInfo[]): void => {
      lagging.mockImplementation(
        () => Readable.from(infos) as unknown as ReturnType<typeof harness.client.workflow.list>,
      );
    };
    try {
      for (const infos of [before, []]) {
        answer(infos);
        const runs = await listRuns(harness.client, { project: 'test', pipeline: name });
        expect(runs.map(({ run_key, status }) => [run_key, status])).toEqual([['k1', 'succeeded']]);
      }
      answer(before);
      expect(await listNewestRuns(harness.client, { project: 'test' })).toMatchObject([
        { status: 'succeeded' },
      ]);
    } finally {
      lagging.mockRestore();
    }
  });

  it('are listed by pipeline, the newest first, with the state that they are in', async () => {
    await awaitReport(await started('k1'));
    await awaitReport(await started('k2'));
    const gate = holdRuns();
    const handle = await started('k3');
    await gate.reached;
    const other = harness.addPipeline({ source: { path: 'absent.csv' } });
    await awaitReport(await started('x', other));
    const list = (limit?: number) =>
      listRuns(harness.client, { project: 'test', pipeline: name, ...(limit !== undefined && { limit }) });
    // Lists lag behind for a moment.
    const keysOf = async () => (await list()).map(({ run_key, status }) => [run_key, status]);
    await waitFor(async () => (await keysOf()).length === 3, { what: 'three runs' });
    expect(await keysOf()).toEqual([
      ['k3', 'running'],
      ['k2', 'succeeded'],
      ['k1', 'succeeded'],
    ]);
    expect((await list())[0]).toMatchObject({ pipeline: name, duration_ms: null });
    expect((await list(2)).map(({ run_key }) => run_key)).toEqual(['k3', 'k2']);
    expect(
      (await listNewestRuns(harness.client, { project: 'test', pipeline: name })).map(
        ({ run_key }) => run_key,
      ),
    ).toEqual(['k3']);
    await waitFor(
      async () => {
        const newest = await listNewestRuns(harness.client, { project: 'test' });
        const found = newest.filter(({ pipeline }) => [name, other].includes(pipeline));
        return (
          found
            .map(({ status }) => status)
            .sort()
            .join() === 'failed,running'
        );
      },
      { what: 'the newest run of both pipelines' },
    );
    gate.open();
    await handle.result();
  });
});
