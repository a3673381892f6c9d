/** docs/from-temporal.md is done as it says: pipelines that others start on Temporal. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createClient } from '../../server/client';
import { findTemporalServer } from '../../server/temporal-server';
import { closeProjects, openProject, type Project } from '../support/project';
import { waitFor } from '../support/wait-for';

const PAGE = readFileSync(join(__dirname, '..', '..', 'docs', 'from-temporal.md'), 'utf8');
const ID = `shop${process.pid}`;

/** The blocks of a section; the project has a name of its own, for the server is that of all tests. */
function blocksOf(section: string): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(section)) ?? '';
  return [...text.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, code = '']) =>
    code.replaceAll('shop', ID).replaceAll('orders-nightly', `${ID}-nightly`),
  );
}

let project: Project;
let path: string;
let connection: NativeConnection;
beforeAll(async () => {
  project = openProject();
  Object.assign(project.env, { FLEXETL_PROJECT: ID, FLEXETL_TASK_QUEUE: undefined });
  project.name = 'orders';
  project.write('data/input.csv', 'a\n1\n2\n3\n');
  project.configure();
  mkdirSync(project.path('bin'));
  const binary = await findTemporalServer({ env: process.env, log: () => undefined });
  symlinkSync(binary, project.path('bin/temporal'));
  path = `${project.path('bin')}:${process.env['PATH']}`;
  connection = await NativeConnection.connect({ address: project.env['TEMPORAL_ADDRESS'] ?? '' });
  await project.start('worker').says(/queue/);
});
afterAll(async () => {
  await connection.close();
  await closeProjects();
});

/** What the temporal command says, which a shell finds on its path. */
async function shell(command: string): Promise<string> {
  const env = { ...process.env, PATH: path, TEMPORAL_ADDRESS: project.env['TEMPORAL_ADDRESS'] };
  return (await promisify(execFile)('/bin/sh', ['-c', command], { env })).stdout;
}

const loaded = (): void => expect(project.rows()).toEqual([['1'], ['2'], ['3']]);

it('the form of the Web UI, under an id of its own, and runs are found by what became of them', async () => {
  const [input = ''] = blocksOf('The form of the Web UI').map((text) => text.replaceAll(ID, 'shop'));
  const client = createClient(connection, 'default');
  const handle = await client.workflow.start('pipeline', {
    workflowId: `form-${ID}`,
    taskQueue: `flexetl-${ID}`,
    args: [JSON.parse(input)],
  });
  expect(await handle.result()).toMatchObject({ status: 'succeeded', pipeline: 'orders' });
  loaded();
  const [find = ''] = blocksOf('Finding runs');
  const found = await waitFor(
    async () => {
      const list = await shell(`${find.trim().replace(/'$/, '')} AND WorkflowId = "flexetl/${ID}/orders"'`);
      return list.includes(`flexetl/${ID}/orders`) ? list : undefined;
    },
    { what: 'the run in the list' },
  );
  expect(found).toContain('Completed');
});

it('the temporal command', async () => {
  const [command = ''] = blocksOf('The temporal command');
  expect(await shell(command)).toContain('"status":"succeeded"');
  loaded();
});

it('a child of another workflow', async () => {
  const [code = ''] = blocksOf('A child of your own workflow');
  symlinkSync(join(__dirname, '..', '..', 'node_modules'), project.path('node_modules'));
  const workflowsPath = project.write('workflows.ts', code);
  const worker = await Worker.create({ connection, taskQueue: `own-${ID}`, workflowsPath });
  const client = createClient(connection, 'default');
  const run = client.workflow.execute('nightly', { taskQueue: `own-${ID}`, workflowId: `own-${ID}` });
  expect(await worker.runUntil(run)).toBe(3);
});

it('a schedule', async () => {
  const [command = ''] = blocksOf('A schedule of your own');
  await shell(command);
  const client = createClient(connection, 'default');
  const schedule = client.schedule.getHandle(`${ID}-nightly`);
  await schedule.trigger();
  const { workflowId } = await waitFor(
    async () => (await schedule.describe()).info.recentActions[0]?.action.workflow,
    { what: 'the run of the schedule' },
  );
  await client.workflow.getHandle(workflowId).result();
  loaded();
  await schedule.delete();
});
