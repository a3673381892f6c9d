/**
 * A pace that all workers keep which share a folder: time is cut into slots, one turn each, and a turn is a file that
 * only one of them can make. Nobody holds a lock, so nothing is left to be freed by a worker that dies.
 */
import { createHash } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pace } from '../plugin/context';
import { makeFolders } from './folders';

/** After so many turns those that are over are removed. */
const SWEEP_EVERY = 100;

/** @param dir absolute; made with the first turn */
export function createTurns(dir: string, signal: AbortSignal): (name: string, pace: Pace) => Promise<void> {
  return async (name, { requests, perMs }) => {
    signal.throwIfAborted();
    const slotMs = perMs / requests;
    const folder = join(dir, createHash('sha256').update(`${name} ${slotMs}`).digest('hex').slice(0, 24));
    makeFolders(folder, 0o700);
    // The slot that runs is half over: a turn in it and one in the next would be too close.
    let slot = Math.ceil(Date.now() / slotMs);
    while (!(await take(join(folder, String(slot))))) slot += 1;
    if (slot % SWEEP_EVERY === 0) await sweep(folder, Math.floor(Date.now() / slotMs));
    await sleep(Math.max(0, slot * slotMs - Date.now()), undefined, { signal });
  };
}

async function take(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function sweep(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder))
    if (Number(name) < now) await rm(join(folder, name), { force: true });
}
