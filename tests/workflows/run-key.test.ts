/** The run key and the rest of a workflow's input, when the run was started by hand or is reset. */
import { randomUUID } from 'node:crypto';
import type { WorkflowFailedError } from '@temporalio/client';
import { awaitReport } from '../../control/await-report';
import { createRunState } from '../../workflows/run-state';
import type { PipelineInput } from '../../workflows/messages';
import { waitFor } from '../support/wait-for';
import { openHarness, sqliteTarget, type Harness, type RunHandle } from '../support/worker-harness';

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  harness.write('data.csv', 'n\n1\n2\n');
});
afterAll(() => harness.close());

const addAppend = (database: string): string =>
  harness.addPipeline({ source: { path: 'data.csv' }, targets: [sqliteTarget('t', 'append', database)] });

/** As `temporal workflow reset --type FirstWorkflowTask` does. @returns the run that begins again */
async function reset(handle: RunHandle): Promise<RunHandle> {
  const { client } = harness;
  const { workflowId } = handle;
  const { runId } = await handle.describe();
  const { runId: again } = await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    // A number serves as well as the Long of its type.
    workflowTaskFinishEventId: 3 as never,
    requestId: randomUUID(),
    reason: 'a test',
  });
  expect(again).not.toBe(runId);
  return client.workflow.getHandle(workflowId, again);
}

describe('a finished append that is reset to its first task', () => {
  it.each([
    ['by its name alone', (name: string) => name],
    ['with the key that a command made', (name: string) => ({ name, run_key: 'k' })],
  ])('is not doubled when it was started %s', async (_, inputOf) => {
    const database = `${randomUUID()}.db`;
    const handle = await harness.start(inputOf(addAppend(database)));
    const first = await awaitReport(handle);
    const second = await awaitReport(await reset(handle));
    expect([first.status, second.status]).toEqual(['succeeded', 'succeeded']);
    expect(second.run_key).toBe(first.run_key);
    expect(harness.query(database, 'SELECT n FROM t ORDER BY n')).toEqual([[1n], [2n]]);
  });

  it('is not doubled when it was started under another workflow id', async () => {
    const database = 'child.db';
    const name = addAppend(database);
    const handle = await harness.start(name, { workflowId: `by-hand-${name}` });
    await handle.result();
    await awaitReport(await reset(handle));
    expect(harness.query(database, 'SELECT n FROM t ORDER BY n')).toEqual([[1n], [2n]]);
  });

  it('has another key in each run of a cron schedule', async () => {
    const handle = await harness.start(addAppend('cron.db'), { cronSchedule: '@every 1s' });
    const newest = harness.client.workflow.getHandle(handle.workflowId);
    const keys = new Set<unknown>();
    const lookForKeys = async (): Promise<boolean> => {
      const { memo } = await newest.describe();
      if (memo?.['run_key'] !== undefined) keys.add(memo['run_key']);
      return keys.size >= 2;
    };
    await waitFor(lookForKeys, { what: 'two keys' });
    await newest.terminate();
  });
});

describe('an input that is rubbish ends at once with USAGE', () => {
  const resume = { ...createRunState('p', 'k', 0), plan: 5 };
  it.each([
    ['a resume that is rubbish', { name: 'p', run_key: 'k', resume: { a: 1 } }, 'a "resume" that is not'],
    ['a resume that looks right', { name: 'p', run_key: 'k', resume }, 'a "resume" that is not'],
    ['a number as its name', { name: 7 }, 'is the name of a pipeline, as in "sales"'],
    ['a number', 7, 'is the name of a pipeline, as in "sales"'],
    ['a list', [['sales']], 'is the name of a pipeline, as in "sales"'],
    ['an empty run key', { name: 'p', run_key: '' }, 'is the name of a pipeline, as in "sales"'],
    ['a number as its run key', { name: 'p', run_key: 7 }, 'is the name of a pipeline, as in "sales"'],
    ['a run key with a line break', { name: 'p', run_key: 'a\nb' }, 'run_key has 3 characters'],
    ['a very long name', { name: 'p'.repeat(2000) }, 'name has 2000 characters'],
  ])('%s', async (_, input, says) => {
    const handle = await harness.start(input as PipelineInput, { workflowId: `rubbish-${randomUUID()}` });
    const failure = (await handle.result().catch((error: unknown) => error)) as WorkflowFailedError;
    expect(failure.cause).toMatchObject({ type: 'USAGE', message: expect.stringContaining(says) as string });
  });

  it.each([
    ['half a JSON text', 'json/plain', '{"name":'],
    ['an encoding of others', 'binary/encrypted', 'x'],
  ])('%s', async (_, encoding, data) => {
    const { client, project } = harness;
    const workflowId = `rubbish-${randomUUID()}`;
    // As `temporal workflow start --input-encoding` can do; a client of the SDK writes only what can be read.
    await client.workflowService.startWorkflowExecution({
      namespace: 'default',
      requestId: randomUUID(),
      workflowId,
      workflowType: { name: 'pipeline' },
      taskQueue: { name: project.taskQueue },
      input: { payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }] },
    });
    const handle = client.workflow.getHandle(workflowId);
    const failure = (await handle.result().catch((error: unknown) => error)) as WorkflowFailedError;
    const says = expect.stringContaining('is the name of a pipeline, as in "sales"') as string;
    expect(failure.cause).toMatchObject({ type: 'USAGE', message: says });
  });
});
