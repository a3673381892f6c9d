/** One seed: a run that is disturbed until it comes to its end, and what a checker of its own finds in the targets. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serversOf } from '../../support/embedded';
import { makeFolder } from '../../support/folder';
import { openOwnProject } from '../../support/own-server';
import { startPostgresql, type OwnServer } from '../../support/postgresql';
import type { Outcome, Project } from '../../support/project';
import { createRandom } from '../../support/sales';
import type { CheckJob } from './checker';
import { CRASH, FAULTS, FULL_DISK, mountSmall, possibleFaults, RUN, startRun, unmount } from './faults';
import { writeJob } from './job';

export interface SeedReport {
  seed: number;
  faults: string[];
  /** From the end of the last fault to the end of the run, in seconds. */
  recovered_s: number;
  /** Commands until the run had succeeded, those of the faults not counted. */
  commands: number;
  /** Empty when all is as it must be. */
  wrong: string[];
}

export interface World {
  /** A part of the time for which things are away. */
  patience: number;
  /** Small file systems can be mounted. */
  mounts: boolean;
  /** Database servers that crash can be had. */
  crashes: boolean;
  /** Connection string of an empty database. */
  database(name: string): Promise<string>;
}

const COMMANDS_MAX = 5;

/** @param undisturbed see {@link playUndisturbed} */
export async function playSeed(seed: number, world: World, undisturbed: Undisturbed): Promise<SeedReport> {
  // Neighbouring seeds have unlike numbers.
  const random = createRandom(Math.imul(seed, 0x9e3779b1));
  const names = possibleFaults(world.mounts, world.crashes);
  // The first one is each kind in turn; a second one may come before the run has recovered.
  const first = names[seed % names.length] ?? '';
  const { project, job, server, close } = await open(`seed ${seed}`, world, first);
  const faults: string[] = [];
  try {
    const others = random() < 0.3 ? ['kill -9'] : [];
    for (const name of [first, ...others]) {
      const said = await FAULTS[name]?.({
        project,
        random,
        server,
        patience: world.patience,
        ...undisturbed,
      });
      faults.push(`${name}: ${said}`);
    }
    const startedMs = Date.now();
    const { commands, last } = await complete(project);
    const recovered_s = Math.round((Date.now() - startedMs) / 100) / 10;
    const wrong = last.exit === 0 ? check(job) : [`the run has exit code ${last.exit}: ${last.stderr}`];
    const servers = serversOf(project.dir);
    if (servers > 0) wrong.push(`${servers} servers are left`);
    return { seed, faults, recovered_s, commands, wrong };
  } catch (error) {
    return { seed, faults, recovered_s: -1, commands: 0, wrong: [String(error)] };
  } finally {
    await close();
  }
}

/** How often a run without a fault reaches each point of fault-hook.js, and how long it takes. */
export interface Undisturbed {
  points: ReadonlyMap<string, number>;
  runMs: number;
}

/**
 * @param inspect gets what the run has left, and the checker
 * @throws Error when the checker is not content
 */
export async function playUndisturbed(
  world: World,
  inspect: (project: Project, look: () => string[]) => Promise<void> | void = () => undefined,
): Promise<Undisturbed> {
  const { project, job, close } = await open('undisturbed', world, '');
  try {
    const dir = project.path('points');
    mkdirSync(dir);
    const startedMs = Date.now();
    const ended = await startRun(project, { dir }).ended(120_000);
    const runMs = Date.now() - startedMs;
    const wrong = ended.exit === 0 ? check(job) : [ended.stderr];
    if (wrong.length > 0) throw new Error(`A run without a fault is wrong: ${wrong.join('; ')}`);
    await inspect(project, () => check(job));
    const points = readdirSync(dir).map(
      (name) => [name.replaceAll('-', ' '), statSync(join(dir, name)).size] as const,
    );
    return { points: new Map(points), runMs };
  } finally {
    await close();
  }
}

interface Opened {
  project: Project;
  job: CheckJob;
  server: OwnServer | undefined;
  close(): Promise<void>;
}

/** A project with its job, and what the fault needs. */
async function open(name: string, { mounts, database }: World, fault: string): Promise<Opened> {
  const server = fault === CRASH ? await startPostgresql(makeFolder(), { fsync: 'on' }) : undefined;
  const url = server?.url ?? (await database(name));
  const opened: { job?: CheckJob } = {};
  const project = openOwnProject((one) => void (opened.job = writeJob(one, url)));
  if (!opened.job) throw new Error('The project has no job.');
  const dirs = [project.path('output'), project.path('.flexetl/staging')];
  const mounted = mounts && fault === FULL_DISK && mountSmall(dirs);
  return {
    project,
    job: opened.job,
    server,
    async close() {
      if (mounted) unmount(dirs);
      await server?.end();
    },
  };
}

/** As a user would: the run is asked for again, until it has succeeded. */
async function complete(project: Project): Promise<{ commands: number; last: Outcome }> {
  for (let commands = 1; ; commands += 1) {
    const last = await project.start('run', project.name, ...RUN).ended(240_000);
    if (last.exit === 0 || commands === COMMANDS_MAX) return { commands, last };
  }
}

/** In a process of its own, which loads nothing of ours. */
function check(job: CheckJob): string[] {
  const path = join(job.dir, 'check.json');
  writeFileSync(path, JSON.stringify(job));
  const args = ['--require', join(__dirname, '../../support/run-ts.js'), join(__dirname, 'checker.ts'), path];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return stdout === '' ? [`the checker has failed: ${stderr}`] : (JSON.parse(stdout) as string[]);
}
