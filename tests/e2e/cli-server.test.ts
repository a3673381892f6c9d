/** The commands about runs that others have started: status, history, cancel, worker, dev. */
import { readdirSync } from 'node:fs';
import { choosePorts } from '../../server/ports';
import { closeProjects, openProject, reportOf, type Project } from '../support/project';
import { expectError } from '../support/refusal';
import { waitFor } from '../support/wait-for';

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/input.csv', 'a\n1\n');
  project.configure();
});
afterEach(closeProjects);

interface Line {
  pipeline: string;
  status: string;
  run_key: string;
  started_at: string;
  duration_ms: number | null;
  rows: number | null;
  error: { code: string; message: string } | null;
  run_id: string;
}

async function list(command: 'status' | 'history', ...argv: string[]): Promise<Line[]> {
  const outcome = await project.flexetl(command, project.name, ...argv, '--json');
  expect(outcome).toMatchObject({ exit: 0, stderr: project.usesServer() });
  return JSON.parse(outcome.stdout) as Line[];
}

/** The server lists a run a moment after it has begun or ended. */
const listed = (statuses: string[]): Promise<Line[]> =>
  waitFor(
    async () => {
      const lines = await list('history');
      return lines.map(({ status }) => status).join() === statuses.join() ? lines : undefined;
    },
    { what: `runs that are ${statuses.join()}` },
  );

describe('status and history', () => {
  it('say so while there are no runs', async () => {
    for (const command of ['status', 'history']) {
      expect(await project.flexetl(command, project.name)).toEqual({
        exit: 0,
        stdout: '',
        stderr: `${project.usesServer()}No runs of ${project.name} yet. Start one with \`flexetl run ${project.name}\`.\n`,
      });
    }
    expect(await list('status')).toEqual([]);
  });

  it('say which pipelines there are when the name is none', async () => {
    const { stderr } = await project.flexetl('history', `${project.name}x`);
    expect(stderr).toContain(`no such pipeline in configs/. Did you mean "${project.name}"?`);
  });

  it('start no server in a project that had none, and leave nothing there', async () => {
    for (const name of ['TEMPORAL_ADDRESS', 'FLEXETL_LOCAL_PORT']) project.env[name] = undefined;
    const before = readdirSync(project.dir);
    const { stderr } = await project.flexetl('status');
    expect(stderr).toBe('No runs yet. Start one with `flexetl run`.\n');
    expect(readdirSync(project.dir)).toEqual(before);
  });

  it('tell of the last run, and of all, the newest first', async () => {
    await project.flexetl('run', project.name, '--run-key', 'k1');
    project.write('data/input.csv', '');
    await project.flexetl('run', project.name, '--run-key', 'k2');
    await project.flexetl('run', project.name, '--detach', '--run-key', 'k3');
    const lines = await listed(['running', 'failed', 'succeeded']);
    expect(lines.map(({ run_key }) => run_key)).toEqual(['k3', 'k2', 'k1']);
    const [open, failed, good] = lines;
    expect(open).toEqual({
      pipeline: project.name,
      status: 'running',
      run_key: 'k3',
      started_at: expect.stringMatching(/^2.*Z$/) as string,
      duration_ms: null,
      rows: null,
      error: null,
      run_id: expect.any(String) as string,
    });
    expect(good).toMatchObject({ rows: 1, error: null });
    expect(failed).toMatchObject({ rows: 0, error: { code: 'SOURCE_UNREADABLE' } });
    expect(good?.duration_ms).toBeGreaterThan(0);
    expect(await list('status')).toEqual([open]);
    expect(await list('history', '--limit', '2')).toHaveLength(2);
    const { stdout } = await project.flexetl('history', project.name);
    expect(stdout).toMatch(/^pipeline +status +run key +started +took +rows +error\n/);
    expect(stdout).toMatch(new RegExp(`\\n${project.name} +succeeded +k1 +2.*Z +\\d.* +1\n`));
    expect(stdout).toMatch(/ failed +k2 .* SOURCE_UNREADABLE \w/);
    expect((await project.flexetl('cancel', project.name)).exit).toBe(0);
  });

  it('tell of all pipelines when none is named', async () => {
    await project.flexetl('run', project.name);
    await listed(['succeeded']);
    const { stdout } = await project.flexetl('status');
    // The column is as wide as the longest name on the server, which other tests use too.
    expect(stdout).toMatch(new RegExp(`${project.name} +succeeded`));
  });

  it('refuse a limit that is none', async () => {
    const outcome = await project.flexetl('history', '--limit', 'all', '--json');
    expectError(outcome, { exit: 2, code: 'USAGE', says: ['--limit is all.'] });
  });
});

describe('cancel', () => {
  it('ends the open run, whose command tells so with exit 130', async () => {
    project.write('data/input.csv', `id,x\n${`1,${'x'.repeat(80)}\n`.repeat(400)}`);
    project.configure({ scalability: { processing: { chunk_size: 1 } } });
    const running = project.start('run', project.name, '--json', '--run-key', 'k1');
    await running.says(/extract [1-9]\d*\/\d+/);
    expect(await project.flexetl('cancel', project.name)).toMatchObject({
      exit: 0,
      stdout: `${project.name}: run k1 cancelled.\n`,
    });
    const outcome = await running.ended();
    expect(outcome.exit).toBe(130);
    expect(reportOf(outcome)).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    expect(project.rows()).toBeUndefined();
    expect(project.leftovers()).toEqual([]);
    await listed(['cancelled']);
  });

  it('ends a run that no worker has taken yet', async () => {
    await project.flexetl('run', project.name, '--detach');
    const outcome = await project.flexetl('cancel', project.name, '--json');
    expect(outcome.exit).toBe(0);
    expect(reportOf(outcome)).toMatchObject({ pipeline: project.name, status: 'cancelled' });
    expect(project.rows()).toBeUndefined();
  });

  it('says so when no run is open', async () => {
    const nothing = { exit: 2, code: 'RUN_NOT_FOUND' as const, says: [`No run of ${project.name} is open.`] };
    expectError(await project.flexetl('cancel', project.name, '--json'), nothing);
    await project.flexetl('run', project.name);
    expectError(await project.flexetl('cancel', project.name, '--json'), nothing);
  });
});

describe('worker', () => {
  it('does what detached runs ask for, until SIGTERM ends it cleanly', async () => {
    const worker = project.start('worker');
    await worker.says(/Worker of task queue queue-\w+ on .*, namespace default\. Ctrl-C ends it\./);
    await project.flexetl('run', project.name, '--detach');
    await listed(['succeeded']);
    expect(project.rows()).toEqual([['1']]);
    worker.child.kill('SIGTERM');
    const outcome = await worker.ended();
    expect(outcome).toMatchObject({ exit: 0, stdout: '' });
    expect(outcome.stderr).toContain('Stopping: running activities have 20 s to end.');
  });

  it('does the work of a run that has none of its own', async () => {
    const worker = project.flexetl('worker');
    const outcome = await project.flexetl('run', project.name, '--no-worker', '--json');
    expect(reportOf(outcome).status).toBe('succeeded');
    project.interrupt();
    expect(await worker).toMatchObject({ exit: 0, stdout: '' });
  });
});

describe('dev', () => {
  it('runs server, Web UI and worker until Ctrl-C, and its runs are seen in the Web UI', async () => {
    const { port, uiPort } = await choosePorts(project.dir);
    project.env['TEMPORAL_ADDRESS'] = undefined;
    const dev = project.start('dev', '--port', String(port), '--ui-port', String(uiPort));
    await dev.says(/Ctrl-C ends it\./);
    expect(dev.said()).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(`Temporal server +127\\.0\\.0\\.1:${port}\\nWeb UI +http://127\\.0\\.0\\.1:${uiPort}\\n`),
      ) as string,
    });
    expect((await fetch(`http://127.0.0.1:${uiPort}/namespaces/default/workflows`)).status).toBe(200);
    const outcome = await project.start('run', project.name, '--no-worker').ended();
    expect(outcome.exit).toBe(0);
    expect(outcome.stdout).toContain(`/namespaces/default/workflows/flexetl%2Ftest%2F${project.name}`);
    expect(project.rows()).toEqual([['1']]);
    dev.child.kill('SIGINT');
    expect((await dev.ended()).exit).toBe(0);
    await expect(fetch(`http://127.0.0.1:${uiPort}`)).rejects.toThrow('fetch failed');
  });

  it.each([
    ['--port', 'x'],
    ['--port', '0'],
    ['--ui-port', '65536'],
  ])('refuses %s %s', async (option, port) => {
    const outcome = await project.flexetl('dev', option, port, '--json');
    expectError(outcome, {
      exit: 2,
      code: 'USAGE',
      says: [`${option} is ${port}.`, 'Give a number from 1 to 65535.'],
    });
  });
});
