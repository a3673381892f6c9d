/** Two projects, and two checkouts of one project, on one Temporal server. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { choosePorts } from '../../server/ports';
import { endServerOf } from '../support/embedded';
import {
  closeProjects,
  openProject,
  readTable,
  readText,
  reportOf,
  type Project,
  type Running,
} from '../support/project';
import { waitFor } from '../support/wait-for';

/** Of each project; `SHARED_SERVER_RUNS=50 npx jest two-projects` for a long look. */
const RUNS = Number(process.env['SHARED_SERVER_RUNS'] ?? 3);
const CASE = join(__dirname, '..', 'cases', 'two-projects-one-server');
const { FLEXETL_TEST_ADDRESS } = process.env;

let shopA: Project;
let shopB: Project;
beforeEach(() => {
  [shopA, shopB] = [openShop('shop_a'), openShop('shop_b')];
});
afterEach(async () => {
  await closeProjects();
  for (const { dir } of [shopA, shopB]) endServerOf(dir);
});

/** Nothing is set for the project: neither its name, nor its task queue, nor a server. */
function openShop(folder: string, dataOf = folder): Project {
  const project = openProject();
  for (const name of ['FLEXETL_PROJECT', 'FLEXETL_TASK_QUEUE', 'FLEXETL_LOCAL_PORT', 'TEMPORAL_ADDRESS'])
    project.env[name] = undefined;
  cpSync(join(CASE, folder, 'configs'), project.path('configs'), { recursive: true });
  cpSync(join(CASE, dataOf, 'data'), project.path('data'), { recursive: true });
  return project;
}

const tableOf = (project: Project, table: string): unknown => readTable(project.path('out.db'), table);
const ROWS_A = [
  ['1', 'A'],
  ['2', 'A'],
];
const ROWS_B = [
  ['1', 'B'],
  ['2', 'B'],
];

/** What `status` says of the pipeline. */
async function statusOf(project: Project): Promise<string[]> {
  const { stdout } = await project.start('status', '--json').ended();
  return (JSON.parse(stdout) as { status: string }[]).map(({ status }) => status);
}

async function expectDone(running: Running): Promise<void> {
  const outcome = await running.ended(120_000);
  expect({ exit: outcome.exit, stderr: outcome.stderr }).toMatchObject({ exit: 0 });
  expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', balanced: true });
}

describe('two projects with one pipeline name on one server', () => {
  it('do not see or touch each other’s runs, whatever is open', async () => {
    for (const project of [shopA, shopB]) project.env['TEMPORAL_ADDRESS'] = FLEXETL_TEST_ADDRESS;
    expect((await shopA.start('run', 'orders', '--detach').ended()).exit).toBe(0);
    expect(await statusOf(shopB)).toEqual([]);
    expect((await shopB.start('cancel', 'orders').ended()).stderr).toContain('error RUN_NOT_FOUND');
    await expectDone(shopB.start('run', 'orders', '--json'));
    expect(tableOf(shopB, 'b_orders')).toEqual(ROWS_B);
    expect(tableOf(shopB, 'a_orders')).toBeUndefined();
    await waitFor(async () => (await statusOf(shopB)).join() === 'succeeded', { what: 'the run of B' });
    expect(await statusOf(shopA)).toEqual(['running']);
    expect(tableOf(shopA, 'a_orders')).toBeUndefined();
    await expectDone(shopA.start('run', 'orders', '--json'));
    expect(tableOf(shopA, 'a_orders')).toEqual(ROWS_A);
  });

  it(`each run their own, ${RUNS} times, while one of them has a worker on it`, async () => {
    const { port, uiPort } = await choosePorts(shopA.dir);
    const dev = shopA.start('dev', '--port', String(port), '--ui-port', String(uiPort));
    await dev.says(/Ctrl-C ends it\./);
    shopB.env['TEMPORAL_ADDRESS'] = `127.0.0.1:${port}`;
    // Only the worker of A is there, and it is idle: the run of B stays open.
    expect((await shopB.start('run', 'orders', '--detach').ended()).exit).toBe(0);
    for (let run = 0; run < RUNS; run += 1) {
      await expectDone(shopA.start('run', 'orders', '--json', '--no-worker'));
      if (run === 0) expect(await statusOf(shopB)).toEqual(['running']);
      await Promise.all([
        expectDone(shopA.start('run', 'orders', '--json')),
        expectDone(shopB.start('run', 'orders', '--json')),
      ]);
      expect(tableOf(shopA, 'a_orders')).toEqual(ROWS_A);
      expect(tableOf(shopB, 'b_orders')).toEqual(ROWS_B);
    }
    expect(tableOf(shopA, 'b_orders')).toBeUndefined();
    expect(tableOf(shopB, 'a_orders')).toBeUndefined();
    dev.child.kill('SIGTERM');
    await dev.ended();
  }, 1_200_000);
});

describe('two checkouts of one project on one server', () => {
  beforeEach(() => {
    for (const project of [shopA, shopB]) {
      project.write('flexetl.yaml', `project: shop-${shopA.name}\n`);
      project.env['TEMPORAL_ADDRESS'] = FLEXETL_TEST_ADDRESS;
      project.configure({ targets: [{ type: 'sqlite', database: 'out.db', table: 'result' }] });
      cpSync(project.path('data', 'orders.csv'), project.path('data', 'input.csv'));
    }
  });

  it('run the same pipeline at the same time, one after the other, each over its own files', async () => {
    shopB.write(`configs/${shopA.name}.yaml`, readText(shopA.path('configs', `${shopA.name}.yaml`)));
    const runs = [shopA, shopB].map((project) => project.start('run', shopA.name, '--json'));
    await Promise.all(runs.map(expectDone));
    expect(tableOf(shopA, 'result')).toEqual(ROWS_A);
    expect(tableOf(shopB, 'result')).toEqual(ROWS_B);
  });

  it('each read and write their own files, although they share a task queue', async () => {
    const workers = [shopA, shopB].map((project) => project.start('worker'));
    for (const worker of workers) await worker.says(/Worker of task queue/);
    await Promise.all(
      [shopA, shopB].map((project) =>
        expectDone(project.start('run', project.name, '--json', '--no-worker')),
      ),
    );
    expect(tableOf(shopA, 'result')).toEqual(ROWS_A);
    expect(tableOf(shopB, 'result')).toEqual(ROWS_B);
  });
});
