import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../runtime/settings';
import { answerHealth, askWorkers, type Vitals, type WorkerHealth } from '../../worker/health';
import { choosePorts } from '../../server/ports';
import { addressOf, endServer, startServer } from '../../server/server-process';
import { findTemporalServer } from '../../server/temporal-server';
import { makeFolder } from '../support/folder';
import { closeProjects, openProject } from '../support/project';
import { waitFor } from '../support/wait-for';

afterEach(closeProjects);

describe('flexetl health', () => {
  it('says that no worker runs here, with exit code 1', async () => {
    const project = openProject();
    const { exit, stdout, stderr } = await project.flexetl('health');
    expect([exit, stdout, stderr]).toEqual([1, '', 'No worker of this project runs here.\n']);
  });

  it('is answered by the worker itself, as long as it lives', async () => {
    const project = openProject();
    const worker = project.start('worker');
    await worker.says(/Worker of task queue/);
    const well = await project.flexetl('health', '--json');
    expect(well.exit).toBe(0);
    expect(JSON.parse(well.stdout)).toEqual([
      { healthy: true, pid: worker.child.pid, task_queue: project.env['FLEXETL_TASK_QUEUE'], activities: 0 },
    ]);
    expect((await project.flexetl('health', '--live')).stdout).toMatch(
      /^✔ worker \d+ of task queue \S+: 0 activities running\n$/,
    );
    worker.child.kill('SIGKILL');
    await worker.ended();
    expect((await project.flexetl('health')).exit).toBe(1);
  });

  it('finds a worker unhealthy that does not answer', async () => {
    const project = openProject();
    const worker = project.start('worker');
    await worker.says(/Worker of task queue/);
    worker.child.kill('SIGSTOP');
    const { exit, stdout } = await project.flexetl('health');
    worker.child.kill('SIGCONT');
    expect([exit, stdout]).toEqual([1, `✘ worker ${worker.child.pid}: no answer within 4000 ms\n`]);
    expect((await project.flexetl('health')).exit).toBe(0);
  });

  it('leaves nothing in the temporary folder, and removes what killed workers have left', async () => {
    const project = openProject();
    project.env['TMPDIR'] = makeFolder();
    const sockets = join(project.env['TMPDIR'], `flexetl-${process.getuid?.()}`);
    const killed = project.start('worker');
    await killed.says(/Worker of task queue/);
    await waitFor(() => existsSync(sockets) && readdirSync(sockets).length === 1, { what: 'its socket' });
    killed.child.kill('SIGKILL');
    await killed.ended();
    const worker = project.start('worker');
    await worker.says(/Worker of task queue/);
    expect(readdirSync(sockets).filter((name) => name.endsWith(`-${killed.child.pid}.sock`))).toEqual([]);
    worker.child.kill('SIGTERM');
    await worker.ended();
    expect(readdirSync(project.env['TMPDIR'])).toEqual([]);
  });

  it('is silent about a worker that has stopped', async () => {
    const project = openProject();
    const worker = project.start('worker');
    await worker.says(/Worker of task queue/);
    worker.child.kill('SIGTERM');
    expect((await worker.ended()).exit).toBe(0);
    expect((await project.flexetl('health', '--json')).stdout).toBe('[]\n');
  });
});

describe('a worker whose server has gone', () => {
  it('is alive, not healthy, and still ends within seconds', async () => {
    const stateDir = makeFolder();
    const binary = await findTemporalServer({ env: process.env, log: () => undefined });
    const server = await startServer(stateDir, binary, await choosePorts(stateDir));
    const project = openProject();
    project.env['TEMPORAL_ADDRESS'] = addressOf(server);
    const worker = project.start('worker');
    await worker.says(/Worker of task queue/);
    await endServer(server);
    expect((await project.flexetl('health', '--live')).exit).toBe(0);
    const { exit, stdout } = await project.flexetl('health');
    expect([exit, stdout]).toEqual([1, expect.stringContaining('the Temporal server does not answer')]);
    worker.child.kill('SIGTERM');
    expect((await worker.ended(8_000)).exit).toBe(0);
  });
});

describe('a worker', () => {
  const vitals: Vitals = {
    taskQueue: 'queue',
    state: () => 'RUNNING',
    activities: () => 3,
    askServer: () => Promise.resolve(),
  };

  async function ask(
    changed: Partial<Vitals>,
    question: 'live' | 'health',
  ): Promise<WorkerHealth | undefined> {
    const settings = readSettings({}, openProject().dir);
    const end = answerHealth(settings, { ...vitals, ...changed });
    try {
      const [health] = await askWorkers(settings, question);
      return health;
    } finally {
      end();
    }
  }

  const serverAway = { askServer: () => Promise.reject(new Error('connection refused')) };

  it('whose server is away is alive, and not healthy', async () => {
    expect(await ask(serverAway, 'live')).toMatchObject({ healthy: true, activities: 3 });
    expect(await ask(serverAway, 'health')).toMatchObject({
      healthy: false,
      reason: 'the Temporal server does not answer: connection refused',
    });
  });

  it('that takes no more work is neither alive nor healthy', async () => {
    const draining = { state: () => 'DRAINING' };
    expect(await ask(draining, 'live')).toMatchObject({ healthy: false, reason: 'the worker is draining' });
    expect(await ask(draining, 'health')).toMatchObject({ healthy: false, reason: 'the worker is draining' });
  });
});
