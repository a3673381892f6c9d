/**
 * Kills at random moments: a seed says what is killed, when, and how often, until a run comes to its end. `npm test`
 * tries a few seeds; `npm run kill-seeds` tries `FLEXETL_KILL_SEEDS` of them, from `FLEXETL_KILL_SEED_FIRST` on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { endServerOf, serversOf } from '../support/embedded';
import { expectExact, writeFaultJob } from '../support/fault-job';
import { closeOwnProjects, openOwnProject } from '../support/own-server';
import { reportOf, type Project } from '../support/project';
import { createRandom } from '../support/sales';

const COUNT = Number(process.env['FLEXETL_KILL_SEEDS'] ?? 4);
const FIRST = Number(process.env['FLEXETL_KILL_SEED_FIRST'] ?? 1);
const SEEDS = Array.from({ length: COUNT }, (_, index) => FIRST + index);

/** Longer than a run takes: some kills come too late. */
const KILL_WITHIN_MS = 4_000;
const KILLS_MAX = 3;
const RUN = ['--run-key', 'k', '--json'] as const;

afterAll(closeOwnProjects);

/** Starts the run and kills, after a random time, the command, its server, or both. */
async function runAndKill(project: Project, random: () => number): Promise<void> {
  const running = project.start('run', project.name, ...RUN);
  await Promise.race([running.ended(90_000), delay(random() * KILL_WITHIN_MS)]);
  const what = ['command', 'server', 'both'][Math.floor(random() * 3)];
  if (what !== 'command') endServerOf(project.dir);
  if (what !== 'server') running.child.kill('SIGKILL');
  await running.ended(90_000);
}

describe('kills at random moments', () => {
  it.concurrent.each(SEEDS)(
    'with seed %i lose and double nothing, and the next run comes to its end',
    async (seed) => {
      const project = openOwnProject(writeFaultJob);
      const random = createRandom(seed);
      const kills = 1 + Math.floor(random() * KILLS_MAX);
      for (let kill = 0; kill < kills; kill += 1) await runAndKill(project, random);
      const outcome = await project.start('run', project.name, ...RUN).ended(120_000);
      expect(outcome).toMatchObject({ exit: 0 });
      expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', run_key: 'k' });
      expectExact(project);
      expect(serversOf(project.dir)).toBe(0);
    },
    600_000,
  );
});
