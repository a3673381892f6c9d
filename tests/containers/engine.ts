/** The container engine of this machine, and running things with it. */
import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

export interface Engine {
  /** `podman` or `docker`. */
  cli: string;
  /** The compose tool, as words of a command. */
  compose: readonly string[];
  version: string;
  /** Options that keep HEALTHCHECK in the image and work without a network of the builder's own. */
  buildOptions: readonly string[];
}

export interface Outcome {
  code: number | null;
  /** stdout and stderr as they came. */
  output: string;
  stdout: string;
  ms: number;
}

/** Podman with podman-compose, else Docker with its compose plugin; null when neither answers. */
export function findEngine(): Engine | null {
  const podman = versionOf(['podman', '--version']);
  if (podman && versionOf(['podman-compose', '--version'])) {
    const buildOptions = ['--format', 'docker', '--network', 'host'];
    return { cli: 'podman', compose: ['podman-compose'], version: podman, buildOptions };
  }
  const docker = versionOf(['docker', 'version', '--format', 'Docker {{.Server.Version}}']);
  if (docker && versionOf(['docker', 'compose', 'version'])) {
    return { cli: 'docker', compose: ['docker', 'compose'], version: docker, buildOptions: [] };
  }
  return null;
}

function versionOf([command = '', ...args]: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? (stdout.split('\n')[0] ?? '').trim() : null;
}

export interface RunOptions {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
  /** Called with all output so far whenever there is more of it. */
  onOutput?: (output: string) => void;
}

/** Runs a command to its end, whatever that is. */
export function run(command: readonly string[], options: RunOptions): Promise<Outcome> {
  const { cwd, env, timeoutMs = 120_000, onOutput } = options;
  const [file = '', ...args] = command;
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let output = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const keep = (piece: Buffer, isResult: boolean): void => {
      output += String(piece);
      if (isResult) stdout += String(piece);
      onOutput?.(output);
    };
    child.stdout.on('data', (piece: Buffer) => keep(piece, true));
    child.stderr.on('data', (piece: Buffer) => keep(piece, false));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output: withoutNoise(output), stdout, ms: performance.now() - startedMs });
    });
  });
}

/** What podman says on every command on a machine without systemd. */
function withoutNoise(output: string): string {
  return output.replace(/^time="[^"]*" level=error msg="unable to get systemd connection[^\n]*\n/gm, '');
}

/** @throws Error with the last lines of the output unless the command ends well; @returns its stdout */
export async function must(command: readonly string[], options: RunOptions): Promise<string> {
  const { code, output, stdout } = await run(command, options);
  if (code === 0) return stdout;
  throw new Error(
    `\`${command.join(' ')}\` ended with ${code}:\n${output.split('\n').slice(-25).join('\n')}`,
  );
}

/** Polls until the condition holds, and returns what it gave. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  condition: () => Promise<T>,
): Promise<NonNullable<T>> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > endMs) throw new Error(`Waited ${deadlineMs / 1000} s in vain for ${what}.`);
    await delay(100);
  }
}
