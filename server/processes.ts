/** What the operating system knows about processes: alive, start time, command line. Linux and macOS. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  pid: number;
  /** When it started, as a text to compare: the id alone is not enough, since ids are used again. */
  started: string;
  /** The command line, its arguments joined by blanks. */
  command: string;
}

const LINUX = process.platform === 'linux';

/** Null if there is none. A zombie counts as ended: its parent may never reap it. */
export function findProcess(pid: number): Process | null {
  return LINUX ? readProc(pid) : (readPs(['-p', String(pid)])[0] ?? null);
}

export function listProcesses(): Process[] {
  if (!LINUX) return readPs(['-ax']);
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) && readProc(Number(name))) || []);
}

/** Fast enough to be called several times a second. */
export function isAlive(pid: number): boolean {
  if (LINUX) return readProc(pid) !== null;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** State and start time are counted from the last parenthesis, because a program's name may contain blanks. */
function readProc(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The first thread of a killed process can be a zombie while others still hold its ports and files.
    if (fields[0] === 'Z' && readdirSync(`/proc/${pid}/task`).length === 1) return null;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid, started: fields[19] ?? '', command };
  } catch {
    return null;
  }
}

/** Exported for its test: CI has no macOS. */
export function readPs(which: readonly string[]): Process[] {
  const args = ['-ww', '-o', 'pid=,stat=,lstart=,command=', ...which];
  try {
    const env = { ...process.env, LC_ALL: 'C' };
    const text = execFileSync('ps', args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
    return text.split('\n').flatMap((line) => {
      const [, pid, state, started, command] = PS_LINE.exec(line) ?? [];
      if (!pid || !started || state?.startsWith('Z')) return [];
      return { pid: Number(pid), started, command: `${command ?? ''} ` };
    });
  } catch {
    return [];
  }
}

/** The start is five words: `Thu Nov 26 14:17:23 2026`. */
const PS_LINE = /^\s*(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/;
