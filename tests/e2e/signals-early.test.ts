/** Signals to a command that has not started its run yet, on a project with a server of its own. */
import { existsSync, readdirSync } from 'node:fs';
import { serversOf } from '../support/embedded';
import { closeOwnProjects, openOwnProject } from '../support/own-server';
import { reportOf, type Project, type Running } from '../support/project';
import { waitFor } from '../support/wait-for';

afterAll(closeOwnProjects);

function openOwn(): Project {
  return openOwnProject((project) => {
    project.write('data/input.csv', 'n\n1\n2\n');
    project.configure();
  });
}

const EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof EXITS;

/** Moments of the first second, as they can be seen from outside. */
const MOMENTS: Record<string, (project: Project, command: Running) => boolean> = {
  'its folder appears': ({ path }) => existsSync(path('.flexetl')),
  'the lock of the server is taken': ({ path }) => existsSync(path('.flexetl', 'server.lock')),
  'the server has a process': ({ dir }) => serversOf(dir) > 0,
  'the server has a record': ({ path }) => existsSync(path('.flexetl', 'server.json')),
  'the server is ready': (_, command) => command.said().stderr.includes('the embedded Temporal server at'),
};

const SIGNALS = Object.keys(EXITS) as Signal[];
const CASES = Object.keys(MOMENTS).map((moment, index): [Signal, string] => [
  SIGNALS[index % SIGNALS.length] ?? 'SIGHUP',
  moment,
]);

describe('a signal before the run', () => {
  it.each(CASES)(
    '%s when %s ends the command and its server, and the next command runs',
    async (signal, moment) => {
      const project = openOwn();
      const command = project.start('run', project.name, '--json');
      await waitFor(() => MOMENTS[moment]?.(project, command), { deadlineMs: 30_000, what: moment });
      command.child.kill(signal);
      const outcome = await command.ended();
      expect(outcome.exit).toBe(EXITS[signal]);
      expect(outcome.stderr).toMatch(/error CANCELLED: (The command was ended by|The run was cancelled)/);
      expect(serversOf(project.dir)).toBe(0);
      expect(readdirSync(project.path('.flexetl', 'users'))).toEqual([]);
      expect(project.rows()).toBeUndefined();

      const next = await project.start('run', project.name, '--json').ended();
      expect(reportOf(next)).toMatchObject({ status: 'succeeded', rows: { read: 2 } });
      expect(next.stderr).not.toContain('Resuming');
    },
  );

  it('that comes twice ends it at once', async () => {
    const project = openOwn();
    const command = project.start('run', project.name, '--json');
    await waitFor(() => serversOf(project.dir) > 0, { deadlineMs: 30_000, what: 'a server' });
    command.child.kill('SIGTERM');
    command.child.kill('SIGINT');
    expect([130, 143]).toContain((await command.ended()).exit);
    await waitFor(() => serversOf(project.dir) === 0, { what: 'the server to be gone' });
  });
});
