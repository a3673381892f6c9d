import { expectExact, reach, writeFaultJob } from '../support/fault-job';
import { closeProjects, openProject, reportOf, type Project, type Running } from '../support/project';

afterAll(closeProjects);

/** A run on the shared server, with its work done by processes of their own. */
async function startRun(): Promise<{ project: Project; run: Running; startWorker(): Promise<Running> }> {
  const project = openProject();
  writeFaultJob(project);
  const startWorker = async (): Promise<Running> => {
    const worker = project.start('worker');
    await worker.says(/Worker of task queue/);
    return worker;
  };
  const run = project.start('run', project.name, '--run-key', 'k', '--no-worker', '--json');
  return { project, run, startWorker };
}

async function expectDone({ project, run }: { project: Project; run: Running }): Promise<void> {
  const outcome = await run.ended(90_000);
  expect(outcome).toMatchObject({ exit: 0 });
  expect(reportOf(outcome)).toMatchObject({ status: 'succeeded', balanced: true });
  expectExact(project);
}

describe('a worker', () => {
  it.concurrent(
    'that is killed in the middle of a run is replaced, and the run ends exact',
    async () => {
      const started = await startRun();
      const first = await started.startWorker();
      await reach(started.project, 'extract');
      first.child.kill('SIGKILL');
      await first.ended();
      await started.startWorker();
      await expectDone(started);
    },
    240_000,
  );

  it.concurrent(
    'that is asked to end in the middle of a run ends what it has begun, and costs no attempt',
    async () => {
      const started = await startRun();
      const first = await started.startWorker();
      await reach(started.project, 'transform');
      first.child.kill('SIGTERM');
      expect(await first.ended()).toMatchObject({ exit: 0 });
      await started.startWorker();
      const outcome = await started.run.ended(90_000);
      const steps = Object.entries(reportOf(outcome).steps).map(([name, { attempts }]) => [name, attempts]);
      expect(steps).toEqual(steps.map(([name]) => [name, 1]));
      await expectDone(started);
    },
    240_000,
  );

  it.concurrent(
    'that hangs until others have done its work, and then goes on, changes nothing',
    async () => {
      const started = await startRun();
      const zombie = await started.startWorker();
      await reach(started.project, 'extract');
      zombie.child.kill('SIGSTOP');
      await started.startWorker();
      // Only after its heartbeats have been missed for ten seconds do others get as far as this.
      await reach(started.project, 'load');
      zombie.child.kill('SIGCONT');
      await expectDone(started);
      zombie.child.kill('SIGTERM');
      expect(await zombie.ended()).toMatchObject({ exit: 0 });
      expectExact(started.project);
    },
    240_000,
  );
});
