import { isAlive } from '../../server/processes';
import { serverPid, serversOf } from '../support/embedded';
import { expectExact, reach, writeFaultJob, type Moment } from '../support/fault-job';
import { closeOwnProjects, openOwnProject } from '../support/own-server';
import { reportOf } from '../support/project';
import { createRandom } from '../support/sales';
import { waitFor } from '../support/wait-for';

afterAll(closeOwnProjects);

const RUN = ['--run-key', 'k', '--json'] as const;
const random = createRandom(20_261_123);
const KILLS = (
  ['extract', 'transform', 'load', 'publish', 'the moment after it has published'] as Moment[]
).map((moment): [Moment, number] => [moment, Math.floor(random() * 60)]);

describe('a command that is killed', () => {
  // They wait for timeouts of the server most of the time, so they wait together.
  it.concurrent.each(KILLS)(
    'in %s and %i ms goes on with the next one, on the same server, and ends exact',
    async (moment, laterMs) => {
      const project = openOwnProject(writeFaultJob);
      const killed = project.start('run', project.name, ...RUN);
      await reach(project, moment, laterMs);
      const pid = serverPid(project.dir);
      killed.child.kill('SIGKILL');
      await killed.ended();
      expect([isAlive(pid), serversOf(project.dir)]).toEqual([true, 1]);

      const outcome = await project.start('run', project.name, ...RUN).ended(90_000);
      expect(outcome).toMatchObject({ exit: 0 });
      expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', balanced: true, run_key: 'k' });
      const goesOn = /Resuming run k, open since/.test(outcome.stderr);
      if (moment !== 'the moment after it has published' && moment !== 'publish') expect(goesOn).toBe(true);
      expectExact(project);
      expect([isAlive(pid), serversOf(project.dir)]).toEqual([false, 0]);
    },
    240_000,
  );

  it.concurrent(
    'again and again ends exact all the same',
    async () => {
      const project = openOwnProject(writeFaultJob);
      for (const moment of ['extract', 'transform', 'load'] as const) {
        const killed = project.start('run', project.name, ...RUN);
        await reach(project, moment);
        killed.child.kill('SIGKILL');
        await killed.ended();
      }
      const outcome = await project.start('run', project.name, ...RUN).ended(90_000);
      expect([outcome.exit, serversOf(project.dir)]).toEqual([0, 0]);
      expectExact(project);
    },
    180_000,
  );
});

describe('a server that is killed in the middle of a run', () => {
  it.concurrent(
    'is started again by the command, and the run ends exact',
    async () => {
      const project = openOwnProject(writeFaultJob);
      const running = project.start('run', project.name, ...RUN);
      await reach(project, 'extract');
      const pid = serverPid(project.dir);
      process.kill(pid, 'SIGKILL');
      await waitFor(() => !isAlive(pid), { what: 'the server to be gone' });
      const outcome = await running.ended(90_000);
      expect(outcome).toMatchObject({ exit: 0 });
      expectExact(project);
      expect(serversOf(project.dir)).toBe(0);
    },
    240_000,
  );
});
