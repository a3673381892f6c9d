/** Runs a command and measures wall time, and CPU time and memory of its whole process tree. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

export interface Command {
  file: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

export interface Measured {
  /** Null when a signal ended it. */
  exitCode: number | null;
  wallMs: number;
  cpuMs: number;
  /** The largest sum of resident memory over the process tree, the Temporal server aside. */
  peakRssMb: number;
  /** The same of the Temporal servers in the tree; 0 when there is none. */
  serverPeakRssMb: number;
  stdout: string;
  stderr: string;
}

const SAMPLE_EVERY_MS = 20;
/** Walking through all processes costs more than looking at the known ones. */
const SAMPLES_PER_SCAN = 5;
/** A competitor that takes longer is considered to hang. */
const TIMEOUT_MS = 60 * 60 * 1000;
/** Linux counts CPU time in hundredths of a second for every program that asks. */
const TICK_MS = 10;

/** Memory and CPU time are 0 where there is no /proc: they are measured on Linux only. */
export async function measure(command: Command): Promise<Measured> {
  const startMs = performance.now();
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const tree = createTree(child.pid ?? -1);
  const timer = setInterval(tree.sample, SAMPLE_EVERY_MS);
  // Not spawn's own `timeout`: its timer outlives a program that could not be started.
  const deadline = setTimeout(() => child.kill(), TIMEOUT_MS);
  try {
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    const wallMs = performance.now() - startMs;
    await closed;
    return { exitCode, wallMs, ...tree.usage(), ...output };
  } finally {
    clearInterval(timer);
    clearTimeout(deadline);
  }
}

interface Tree {
  sample: () => void;
  usage: () => Pick<Measured, 'cpuMs' | 'peakRssMb' | 'serverPeakRssMb'>;
}

function createTree(rootPid: number): Tree {
  // Once known, a process is watched to its end, even if its parent ends before it.
  const watched = new Map<number, { server: boolean; cpuMs: number }>();
  let samples = 0;
  let peakKb = 0;
  let serverPeakKb = 0;

  function scan(): void {
    const children = new Map<number, number[]>();
    for (const name of readdirOrEmpty('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const parentPid = readStat(Number(name))?.parentPid;
      if (parentPid === undefined) continue;
      children.set(parentPid, [...(children.get(parentPid) ?? []), Number(name)]);
    }
    const queue = [rootPid, ...watched.keys()];
    for (const pid of queue) {
      if (!watched.has(pid)) watched.set(pid, { server: false, cpuMs: 0 });
      queue.push(...(children.get(pid) ?? []).filter((childPid) => !watched.has(childPid)));
    }
  }

  return {
    sample() {
      if (samples++ % SAMPLES_PER_SCAN === 0) scan();
      let sumKb = 0;
      let serverSumKb = 0;
      for (const [pid, known] of watched) {
        const stat = readStat(pid);
        const memory = readMemory(pid);
        if (!stat || !memory) continue;
        known.cpuMs = stat.cpuMs;
        // A process has its parent's name until it executes its own program.
        known.server = stat.name.startsWith('temporal');
        if (known.server) serverSumKb += memory.rssKb;
        else sumKb += memory.rssKb;
        // The kernel's own high-water mark catches what lies between two samples.
        if (!known.server) peakKb = Math.max(peakKb, memory.peakKb);
      }
      peakKb = Math.max(peakKb, sumKb);
      serverPeakKb = Math.max(serverPeakKb, serverSumKb);
    },
    usage() {
      const own = [...watched.values()].filter(({ server }) => !server);
      const cpuMs = own.reduce((sum, known) => sum + known.cpuMs, 0);
      return { cpuMs, peakRssMb: peakKb / 1024, serverPeakRssMb: serverPeakKb / 1024 };
    },
  };
}

/** The fields are counted from the last parenthesis, for a program's name may hold blanks. */
function readStat(pid: number): { name: string; parentPid: number; cpuMs: number } | undefined {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  const nameEnd = text.lastIndexOf(')');
  if (nameEnd < 0) return undefined;
  const fields = text.slice(nameEnd + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    parentPid: Number(fields[1]),
    cpuMs: ticks * TICK_MS,
  };
}

function readMemory(pid: number): { rssKb: number; peakKb: number } | undefined {
  const text = readOrEmpty(`/proc/${pid}/status`);
  const rss = /^VmRSS:\s+(\d+)/m.exec(text)?.[1];
  const peak = /^VmHWM:\s+(\d+)/m.exec(text)?.[1];
  return rss === undefined || peak === undefined ? undefined : { rssKb: Number(rss), peakKb: Number(peak) };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readdirOrEmpty(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
