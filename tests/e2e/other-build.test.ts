/** A run that is taken up by a build whose workflow decides otherwise, on a project with a server of its own. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectExact, ROWS_OUT, reach, writeFaultJob } from '../support/fault-job';
import { makeFolder } from '../support/folder';
import { closeOwnProjects, openOwnProject } from '../support/own-server';
import { type Outcome, type Project } from '../support/project';

const ROOT = join(__dirname, '..', '..');
let otherCli: string;

beforeAll(() => {
  const other = makeFolder();
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(ROOT, name), join(other, name));
  cpSync(join(ROOT, 'dist'), join(other, 'dist'), { recursive: true });
  const bundle = join(other, 'dist', 'workflow-bundle.js');
  const code = readFileSync(bundle, 'utf8');
  const changed = code.replace("run.step('validate',", "run.step('land',");
  expect(changed).not.toBe(code);
  writeFileSync(bundle, changed);
  otherCli = join(other, 'dist', 'client', 'flexetl.js');
});
afterAll(closeOwnProjects);

/** A project whose run was killed in load. */
async function killInLoad(): Promise<Project> {
  const project = openOwnProject(writeFaultJob);
  const killed = project.start('run', project.name, '--run-key', 'k');
  await reach(project, 'load');
  killed.child.kill('SIGKILL');
  await killed.ended();
  return project;
}

/** Runs a command of the other build. */
async function withOther(project: Project, ...argv: string[]): Promise<Outcome> {
  const own = project.cli;
  project.cli = otherCli;
  const outcome = await project.start(...argv).ended(90_000);
  project.cli = own;
  return outcome;
}

async function statusOf(project: Project): Promise<string | undefined> {
  const { stdout } = await project.start('status', project.name, '--json').ended();
  return (JSON.parse(stdout) as { status: string }[])[0]?.status;
}

function expectMismatch(outcome: Outcome): void {
  expect(outcome.exit).toBe(3);
  expect(outcome.stderr).toMatch(/It was worked on by another build, flexetl@\S+; this command is flexetl@/);
  expect(outcome.stderr).toMatch(/ERROR: .*Failing workflow task/);
  expect(outcome.stderr).toMatch(
    /error BUILD_MISMATCH: The run \S+ was started by another version of FlexETL/,
  );
}

describe('a run that was started by another build', () => {
  it('stays intact: the command says whose it is, and the build that started it ends it exact', async () => {
    const project = await killInLoad();
    expectMismatch(await withOther(project, 'run', project.name, '--run-key', 'k'));
    expect(await statusOf(project)).toBe('running');
    const outcome = await project.start('run', project.name, '--run-key', 'k').ended(90_000);
    expect(outcome).toMatchObject({ exit: 0 });
    expectExact(project);
  }, 240_000);

  it('is also said by a command that only waits for it, and cancel ends it', async () => {
    const project = await killInLoad();
    expectMismatch(await withOther(project, 'run', project.name, '--run-key', 'other'));
    const cancelled = await withOther(project, 'cancel', project.name);
    expect(cancelled).toMatchObject({ exit: 0 });
    expect(cancelled.stdout).toContain(`${project.name}: terminated. The run`);
    expect(await statusOf(project)).toBe('terminated');
    const next = await project.start('run', project.name, '--run-key', 'k').ended(90_000);
    expect([next.exit, project.rows()?.length]).toEqual([0, ROWS_OUT]);
  }, 240_000);
});
