/** Finds the `temporal` binary of the embedded server, or gets it. */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import {
  downloadTemporal,
  goInstallTemporal,
  TEMPORAL_CLI_VERSION,
  type BinaryOptions,
} from './install-temporal';
import { withLock } from './with-lock';

/**
 * The path of a `temporal` binary: the one named in TEMPORAL_CLI_PATH, on PATH, in the cache; else it is downloaded
 * or built with Go, once, into the cache. Two commands at the same time get it once.
 * @throws FlexetlError SERVER_BINARY_MISSING, naming every way to get one
 */
export async function findTemporalServer(options: BinaryOptions): Promise<string> {
  return presentTemporalServer(options.env) ?? (await getTemporal(cacheDirOf(options.env), options));
}

/**
 * The path of a binary that is on this machine; null if there is none.
 * @throws FlexetlError SERVER_BINARY_MISSING if TEMPORAL_CLI_PATH names none
 */
export function presentTemporalServer(env: BinaryOptions['env']): string | null {
  const named = env['TEMPORAL_CLI_PATH'];
  if (named) return assertExecutable(resolve(named));
  const onPath = findOnPath('temporal', env['PATH']);
  if (onPath !== null) return onPath;
  const cached = join(cacheDirOf(env), 'temporal');
  return isExecutable(cached) ? cached : null;
}

async function getTemporal(cacheDir: string, options: BinaryOptions): Promise<string> {
  const cached = join(cacheDir, 'temporal');
  const go = findOnPath('go', options.env['PATH']);
  const ways: [string, () => Promise<void>][] = [
    ['download', () => downloadTemporal(cached, options)],
    ['go install', () => goInstallTemporal(cached, go, options)],
  ];
  const failures: string[] = [];
  const getOnce = async (): Promise<void> => {
    for (const [way, get] of ways) {
      if (isExecutable(cached)) return;
      await get().catch((error: unknown) => failures.push(`${way}: ${messageOf(error)}`));
    }
  };
  const onWait = (): void => options.log('Another command is getting the Temporal server; waiting for it.');
  try {
    mkdirSync(cacheDir, { recursive: true });
    await withLock(join(cacheDir, 'install.lock'), onWait, getOnce, LIMITS.goInstallMs);
  } catch (error) {
    failures.push(`cache folder ${cacheDir}: ${messageOf(error)}`);
  }
  if (isExecutable(cached)) return cached;
  throw missing(
    `There is no Temporal server binary, and none could be downloaded or built (${failures.join('; ').replace(/\s+/g, ' ')}).`,
  );
}

/** The executable file with this name on a PATH; null if there is none. */
export function findOnPath(name: string, path: string | undefined): string | null {
  const folders = (path ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => resolve(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function assertExecutable(path: string): string {
  if (isExecutable(path)) return path;
  throw missing(`TEMPORAL_CLI_PATH names ${path}, which is not an executable file.`);
}

function cacheDirOf(env: BinaryOptions['env']): string {
  const root = resolve(
    env['FLEXETL_CACHE_DIR'] || env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'),
  );
  return join(root, 'flexetl', `temporal-cli-v${TEMPORAL_CLI_VERSION}`);
}

function missing(message: string): FlexetlError {
  return new FlexetlError('SERVER_BINARY_MISSING', {
    message,
    hint:
      'One of these is enough: name a running server in TEMPORAL_ADDRESS; install the Temporal CLI ' +
      '(`brew install temporal`, or https://docs.temporal.io/cli) so that it is on PATH; name its binary in ' +
      'TEMPORAL_CLI_PATH; install Go, which builds it once in about two minutes.',
  });
}
