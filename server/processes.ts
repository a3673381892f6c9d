/** What the operating system tells about processes: alive, since when, started how. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const LINUX = process.platform === 'linux';

/**
 * When a live process started, as text that is only good for comparing; null when there is no such process.
 * A process id alone proves nothing: ids are given out again. A zombie counts as gone: its parent may never reap it.
 */
export function startOfProcess(pid: number): string | null {
  const [state, start] = LINUX ? readStat(pid) : readPs(pid);
  return !state || (state.startsWith('Z') && !hasThreads(pid)) ? null : (start ?? null);
}

/** Cheap enough to ask several times a second. */
export function isAlive(pid: number): boolean {
  if (LINUX) return startOfProcess(pid) !== null;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The command line of a live process, its arguments joined by blanks; empty when there is no such process. */
export function commandOfProcess(pid: number): string {
  if (LINUX) return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  return startOfProcess(pid) === null ? '' : ps(['-ww', '-o', 'command=', '-p', String(pid)]).trim();
}

/** The id of the first process whose command line fits, null when none does. */
export function findProcess(fits: (command: string) => boolean): number | null {
  return listProcesses().find(({ command }) => fits(command))?.pid ?? null;
}

function listProcesses(): { pid: number; command: string }[] {
  if (LINUX) {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map((name) => ({ pid: Number(name), command: commandOfProcess(Number(name)) }));
  }
  const lines = ps(['-ww', '-axo', 'pid=,command=']).split('\n');
  return lines.map((line) => {
    const [, pid = '0', command = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), command };
  });
}

/** State and start time; the fields are counted from the last parenthesis, for a program's name may hold blanks. */
function readStat(pid: number): (string | undefined)[] {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [fields[0], fields[19]];
}

/** The first thread of a killed process can be a zombie while others still hold its ports and files. */
function hasThreads(pid: number): boolean {
  try {
    return LINUX && readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function readPs(pid: number): (string | undefined)[] {
  const [state, ...start] = ps(['-o', 'stat=,lstart=', '-p', String(pid)])
    .trim()
    .split(/\s+/);
  return [state, start.join(' ')];
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function ps(args: string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
