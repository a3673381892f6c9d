/** Commands that find a run open: what was asked for is done, or refused, and never something else instead. */
import { writeFileSync } from 'node:fs';
import { closeProjects, openProject, reportOf, type Outcome, type Project } from '../support/project';

let project: Project;
beforeEach(() => {
  project = openProject();
  project.write('data/day1.csv', 'day,n\n1,1\n');
  project.write('data/day2.csv', 'day,n\n2,2\n');
  project.configure({
    source: { type: 'csv', path: 'data/day1.csv' },
    targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' }],
  });
});
afterEach(closeProjects);

const run = (...options: string[]): Promise<Outcome> => project.flexetl('run', project.name, ...options);
const DAY2 = ['--set', 'source.path=data/day2.csv'];

/** Leaves a run open that nobody works on, as after the kill of a command. */
async function leaveOpen(...options: string[]): Promise<void> {
  expect((await run('--detach', ...options)).exit).toBe(0);
}

function expectInProgress(outcome: Outcome, why: string): void {
  expect(outcome.exit).toBe(3);
  expect(outcome.stderr).toContain('error RUN_IN_PROGRESS: Another run of');
  expect(outcome.stderr).toContain(`It is not the one that is asked for: ${why}.`);
}

describe('a run that is open', () => {
  it.each([
    ['no key', [], ['--run-key', 'a']],
    ['the same key', ['--run-key', 'a'], ['--run-key', 'a']],
    ['--join and another key', ['--join', '--run-key', 'b'], ['--run-key', 'a']],
    ['--join and another file', ['--join', ...DAY2], ['--run-key', 'a']],
  ])('is joined by a command with %s, which says so', async (_, options, first) => {
    await leaveOpen(...first);
    const outcome = await run('--json', ...options);
    expect(outcome.stderr).toMatch(/Resuming run a, open since 2\S+Z\./);
    expect(reportOf(outcome)).toMatchObject({ run_key: 'a', status: 'succeeded', joined: true });
    expect(project.rows()).toEqual([['1', '1']]);
  });

  it.each([
    ['another key', 'it has another run key', ['--run-key', 'b', ...DAY2]],
    ['another --set', 'it has another pipeline file, other --set, or other variables', DAY2],
    [
      'the same key for another file',
      'it has another pipeline file, other --set, or other variables',
      ['--run-key', 'a', '--set', 'targets.0.table=other'],
    ],
  ])('is finished first by a command with %s, and then its own run', async (_, why, options) => {
    await leaveOpen('--run-key', 'a');
    const outcome = await run('--json', ...options);
    expect(outcome.exit).toBe(0);
    expect(outcome.stderr).toMatch(/Waiting for run a, open since 2\S+Z: /);
    expect(outcome.stderr).toContain(`: ${why}. Then the run that is asked for starts.`);
    expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', joined: false });
    const rows = [...(project.rows() ?? []), ...(project.rows('other') ?? [])];
    expect(rows).toEqual([
      ['1', '1'],
      options.includes('source.path=data/day2.csv') ? ['2', '2'] : ['1', '1'],
    ]);
  });

  it('of the same text is another one when a variable has changed', async () => {
    project.configure({
      source: { type: 'csv', path: '${FILE}' },
      targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result', mode: 'append' }],
    });
    project.env['FILE'] = 'data/day1.csv';
    await leaveOpen();
    project.env['FILE'] = 'data/day2.csv';
    expectInProgress(await run('--no-wait'), 'it has another pipeline file, other --set, or other variables');
  });

  it('ends a command with --detach or --no-wait, if it is another one', async () => {
    await leaveOpen('--run-key', 'a');
    for (const options of [['--detach'], ['--no-wait'], ['--detach', '--no-wait']])
      expectInProgress(await run(...options, '--run-key', 'b'), 'it has another run key');
    const joined = await run('--detach', '--run-key', 'a', '--json');
    expect(JSON.parse(joined.stdout)).toMatchObject({ joined: true, run_key: 'a' });
    expect(project.rows()).toBeUndefined();
  });

  it('stays open when the command that waits for it is interrupted', async () => {
    await leaveOpen('--run-key', 'a');
    const waiting = project.start('run', project.name, '--no-worker', '--run-key', 'b');
    await waiting.says(/Waiting for run a, open since/);
    waiting.child.kill('SIGTERM');
    expect((await waiting.ended()).exit).toBe(143);
    expect(reportOf(await run('--json'))).toMatchObject({ run_key: 'a', joined: true, status: 'succeeded' });
    expect(project.rows()).toEqual([['1', '1']]);
  });
});

describe('a command that is started every night with the night as its key', () => {
  it('loads every night, also after one that was left open', async () => {
    const nights = ['2026-11-23', '2026-11-24', '2026-11-25'];
    for (const night of nights) {
      writeFileSync(project.path('data', `${night}.csv`), `day,n\n${night},1\n`);
      const options = ['--run-key', night, '--set', `source.path=data/${night}.csv`];
      if (night === nights[0]) await leaveOpen(...options);
      else expect((await run(...options)).exit).toBe(0);
    }
    expect(project.rows()?.map(([day]) => day)).toEqual(nights);
  });
});
