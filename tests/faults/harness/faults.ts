/** What the harness does to a run. Each fault starts the run, disturbs it, and returns when its commands have ended. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openSqlite } from '../../../targets/sqlite/binding';
import { endServerOf, serverPid } from '../../support/embedded';
import type { OwnServer } from '../../support/postgresql';
import type { Project, Running } from '../../support/project';
import { RUN_KEY } from './job';

export interface Scene {
  project: Project;
  /** From 0 to 1, by the seed. */
  random(): number;
  /** How often each point of fault-hook.js is reached in a run without a fault. */
  points: ReadonlyMap<string, number>;
  /** A part of the time for which things are away: 1 is that of the issue. */
  patience: number;
  /** How long a run takes without a fault: some faults come too late. */
  runMs: number;
  /** The database server, where this run has one of its own. */
  server: OwnServer | undefined;
}

type Play = (scene: Scene) => Promise<string>;

export const RUN = ['--run-key', RUN_KEY, '--json'] as const;
const HOOK = join(__dirname, 'fault-hook.js');
const ENDED_MS = 240_000;

export function startRun(project: Project, fault?: object): Running {
  const { env } = project;
  if (fault)
    project.env = { ...env, NODE_OPTIONS: `--require ${HOOK}`, FLEXETL_TEST_FAULT: JSON.stringify(fault) };
  const running = project.start('run', project.name, ...RUN);
  project.env = env;
  return running;
}

export const FULL_DISK = 'a full disk';
export const CRASH = 'a database that crashes';

export const FAULTS: Record<string, Play> = {
  'kill -9': async (scene) => {
    const { project, random } = scene;
    const running = startRun(project);
    const ms = await wait(scene, running);
    const what = ['command', 'server', 'both'][Math.floor(random() * 3)] ?? '';
    if (what !== 'command') endServerOf(project.dir);
    if (what !== 'server') running.child.kill('SIGKILL');
    await running.ended(ENDED_MS);
    return `${what}, after ${ms} ms`;
  },

  'kill -9 at a point': async (scene) => {
    const { point, at } = choosePoint(scene, /./);
    await startRun(scene.project, faultAt(scene, point, at)).ended(ENDED_MS);
    return `${point} ${at}`;
  },

  'a call that fails': async (scene) => {
    const { point, at } = choosePoint(scene, /^before (sync|write|rename|link)$/);
    const error = scene.random() < 0.5 ? 'EIO' : 'ENOSPC';
    await startRun(scene.project, { ...faultAt(scene, point, at), error }).ended(ENDED_MS);
    return `${error} ${point} ${at}`;
  },

  'a command that is stopped': async (scene) => {
    const { project, patience } = scene;
    const zombie = startRun(project);
    const ms = await wait(scene, zombie);
    zombie.child.kill('SIGSTOP');
    const other = startRun(project);
    // Past its heartbeat timeout; and, where it holds no lock, until others have done its work.
    await Promise.race([other.ended(ENDED_MS), delay(20_000 * patience)]);
    zombie.child.kill('SIGCONT');
    await Promise.all([zombie.ended(ENDED_MS), other.ended(ENDED_MS)]);
    return `after ${ms} ms`;
  },

  'a server that is stopped': async (scene) => {
    const { project, patience } = scene;
    const running = startRun(project);
    const ms = await wait(scene, running);
    const pid = existsSync(project.path('.flexetl/server.json')) ? serverPid(project.dir) : undefined;
    signal(pid, 'SIGSTOP');
    await Promise.race([running.ended(ENDED_MS), delay(20_000 * patience)]);
    signal(pid, 'SIGCONT');
    await running.ended(ENDED_MS);
    return `after ${ms} ms`;
  },

  'a locked target': async (scene) => {
    const { project, random, patience } = scene;
    const running = startRun(project);
    const ms = await wait(scene, running);
    mkdirSync(project.path('output'), { recursive: true });
    const db = openSqlite(project.path('output/out.db'), { timeout: 10_000 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      await Promise.race([running.ended(ENDED_MS), delay(20_000 * patience * random())]);
      db.exec('ROLLBACK');
    } catch {
      // The run itself has the lock for longer than this: then nothing is locked.
    } finally {
      db.close();
    }
    await running.ended(ENDED_MS);
    return `after ${ms} ms`;
  },

  [FULL_DISK]: async (scene) => {
    const { project, random, patience } = scene;
    const folder = random() < 0.5 ? 'output' : '.flexetl/staging';
    const ballast = project.path(folder, 'ballast');
    const running = startRun(project);
    const ms = await wait(scene, running);
    fill(ballast);
    await Promise.race([running.ended(ENDED_MS), delay(10_000 * patience)]);
    rmSync(ballast, { force: true });
    await running.ended(ENDED_MS);
    return `${folder}, after ${ms} ms`;
  },

  [CRASH]: async (scene) => {
    const { project, random, patience, server } = scene;
    const running = startRun(project);
    const ms = await wait(scene, running);
    await server?.end();
    await delay(20_000 * patience * random());
    await server?.restart();
    await running.ended(ENDED_MS);
    return `after ${ms} ms`;
  },
};

/** Those that can be had here: a full disk needs a small file system, and so the rights to mount one. */
export function possibleFaults(mounts: boolean, crashes: boolean): string[] {
  return Object.keys(FAULTS).filter((name) => (mounts || name !== FULL_DISK) && (crashes || name !== CRASH));
}

/** File systems of 32 MB in memory, for what a run writes. @returns false where they cannot be had */
export function mountSmall(dirs: readonly string[]): boolean {
  for (const [index, dir] of dirs.entries()) {
    mkdirSync(dir, { recursive: true });
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=0700', 'tmpfs', dir]);
    if (status === 0) continue;
    unmount(dirs.slice(0, index));
    return false;
  }
  return true;
}

/** @param dir an empty folder */
export function canMount(dir: string): boolean {
  const probe = join(dir, 'mount');
  const can = mountSmall([probe]);
  if (can) unmount([probe]);
  rmdirSync(probe);
  return can;
}

export function unmount(dirs: readonly string[]): void {
  for (const dir of dirs) spawnSync('umount', ['-l', dir]);
}

/** Writes until the disk is full. */
function fill(path: string): void {
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full, at least for writes of this size.
    }
  }
}

function faultAt({ project }: Scene, point: string, at: number): object {
  const dir = project.path('points');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  return { dir, point, at };
}

function choosePoint({ points, random }: Scene, which: RegExp): { point: string; at: number } {
  const all = [...points].filter(([name]) => which.test(name));
  const [point, times] = all[Math.floor(random() * all.length)] ?? ['before sync', 1];
  return { point, at: 1 + Math.floor(random() * times) };
}

/** A random time, at most a little longer than a run. */
async function wait({ random, runMs }: Scene, running: Running): Promise<number> {
  const ms = Math.round(random() * 1.1 * runMs);
  await Promise.race([running.ended(ENDED_MS), delay(ms)]);
  return ms;
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
