/** What `flexetl doctor` looks at. Nothing is started, downloaded or left behind. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { many } from '../pipeline/markdown';
import { CONFIG_DIR, listPipelines, noProject } from '../runtime/config-file';
import { isProject, PROJECT_FILE } from '../runtime/find-project';
import { assertCreatable } from '../runtime/folders';
import { readProjectName } from '../runtime/project-name';
import type { Settings } from '../runtime/settings';
import { probeServer } from '../server/client';
import { connectionOptions, findNamedServer, namesServer } from '../server/named-server';
import { choosePorts } from '../server/ports';
import { addressOf, findServer } from '../server/server-process';
import { presentTemporalServer } from '../server/temporal-server';

export interface Finding {
  /** A problem keeps runs from working; a warning may. */
  status: 'ok' | 'warning' | 'problem';
  found: string;
  /** What to do. */
  todo?: string;
}

const run = promisify(execFile);

/** @param needed as in package.json: `>=20.19.0` */
export function checkNode(version: string, needed: string): Finding {
  const minimum = needed.replace('>=', '');
  const isOld = version.localeCompare(minimum, 'en', { numeric: true }) < 0;
  const found = `${version}, needs ${minimum} or later`;
  return isOld ? { status: 'problem', found, todo: 'Install a newer Node.js.' } : { status: 'ok', found };
}

export async function checkDuckdb(): Promise<Finding> {
  const { duckdbVersion } = await import('../worker/native-parts.js');
  return { status: 'ok', found: duckdbVersion() };
}

/** Only its targets need it. */
export async function checkSqlite(): Promise<Finding> {
  const { sqliteVersion } = await import('../worker/native-parts.js');
  try {
    return { status: 'ok', found: sqliteVersion() };
  } catch (error) {
    return {
      status: 'warning',
      found: messageOf(error),
      todo: 'Targets of the type sqlite cannot be used. Install the packages again with this Node.js, or use another target.',
    };
  }
}

/** Its native part is loaded with it. */
export async function checkSdk(): Promise<Finding> {
  await import('../worker/create-worker.js');
  return { status: 'ok', found: 'a worker can be started' };
}

/** @throws FlexetlError CONFIG_INVALID for an environment that names none in the right way */
export async function checkServer({ env, stateDir }: Settings): Promise<Finding> {
  const named = findNamedServer(env);
  if (named) {
    const { address, namespace, by } = named;
    const options = connectionOptions({ address, kind: 'configured' }, env);
    const probe = await probeServer(options, namespace, LIMITS.serverConnectMs);
    const found = `${address}, namespace ${namespace} (${by})`;
    if (probe.status === 'ready') return { status: 'ok', found: `${found} answers` };
    return {
      status: 'problem',
      found: probe.status === 'silent' ? `${found}: ${probe.reason}` : `${found}: there is no such namespace`,
      todo: `Start it, correct ${by} and what belongs to it, or unset it: then the project has a server of its own.`,
    };
  }
  const own = existsSync(stateDir) ? await findServer(stateDir) : null;
  if (own) return { status: 'ok', found: `the project's own runs at ${addressOf(own)}` };
  return { status: 'ok', found: "none is named: a run starts the project's own" };
}

export async function checkBinary({ env }: Settings): Promise<Finding> {
  if (namesServer(env)) return { status: 'ok', found: 'not needed: a server is named' };
  const path = presentTemporalServer(env);
  if (path === null) {
    return {
      status: 'warning',
      found: 'not here yet: the first run downloads it, or builds it with Go',
      todo: 'Without a network: put the Temporal CLI on the PATH, name it in TEMPORAL_CLI_PATH, or name a server in TEMPORAL_ADDRESS.',
    };
  }
  const { stdout } = await run(path, ['--version'], { timeout: LIMITS.serverStartMs }).catch(
    (error: unknown) => {
      throw new Error(`${path} does not run: ${messageOf(error)}`);
    },
  );
  return { status: 'ok', found: `${path}: ${stdout.trim()}` };
}

export async function checkPorts({ env, stateDir }: Settings): Promise<Finding> {
  if (namesServer(env)) return { status: 'ok', found: 'not needed: a server is named' };
  if (existsSync(stateDir) && (await findServer(stateDir)))
    return { status: 'ok', found: "the project's server has its own" };
  const { port, uiPort } = await choosePorts(realPath(stateDir));
  return { status: 'ok', found: `${port} for the server and ${uiPort} for the Web UI are free` };
}

/** @throws FlexetlError CONFIG_INVALID for a name that cannot be one */
export async function checkProject(settings: Settings): Promise<Finding> {
  const { projectDir, env } = settings;
  if (!isProject(projectDir)) return { status: 'warning', found: 'none', todo: noProject(projectDir) };
  // Without a name the project would be given one, and doctor changes nothing.
  const isNamed = Boolean(env['FLEXETL_PROJECT']) || existsSync(join(projectDir, PROJECT_FILE));
  const name = isNamed ? await readProjectName(settings) : 'without a name';
  const pipelines = await listPipelines(projectDir);
  const found = `${name} in ${projectDir}, ${many(pipelines.length, 'pipeline')} in ${CONFIG_DIR}/`;
  if (isNamed) return { status: 'ok', found };
  return {
    status: 'warning',
    found,
    todo: `Write project: <name> into ${PROJECT_FILE}, so that every checkout of it is the same project.`,
  };
}

export function checkFolders({ projectDir, stateDir, stagingDir }: Settings): Finding {
  const folders = [stateDir, stagingDir, join(projectDir, 'output'), join(projectDir, 'logs')];
  const failures = folders.flatMap((folder) => {
    try {
      assertCreatable(folder);
      return [];
    } catch (error) {
      return [`${folder}: ${messageOf(error)}`];
    }
  });
  if (failures.length === 0) return { status: 'ok', found: 'state, staging, output and logs can be written' };
  const todo = 'Make these folders writable for this user, or set FLEXETL_STAGING_DIR to a folder that is.';
  return { status: 'problem', found: failures.join('; '), todo };
}

export async function checkDisk({ projectDir, stagingDir }: Settings): Promise<Finding> {
  const folders = [stagingDir, projectDir, tmpdir()].map(existing);
  const free = await Promise.all(
    folders.map(async (folder) => {
      const { bavail, bsize } = await statfs(folder);
      return { folder, bytes: bavail * bsize };
    }),
  );
  return diskFinding(free.reduce((least, one) => (one.bytes < least.bytes ? one : least)));
}

export function diskFinding({ folder, bytes }: { folder: string; bytes: number }): Finding {
  const found = `${(bytes / 1024 ** 3).toFixed(1)} GiB free in ${folder}`;
  if (bytes >= LIMITS.diskFreeBytes) return { status: 'ok', found };
  const todo =
    'Free some space: a run stages about as much as it reads. FLEXETL_STAGING_DIR names another folder.';
  return { status: bytes < LIMITS.diskFreeBytesMin ? 'problem' : 'warning', found, todo };
}

/** Against the clock of the disk with staging, which other machines may share. */
export function checkClock({ stagingDir }: Settings): Finding {
  const made = mkdtempSync(join(existing(stagingDir), '.flexetl-'));
  const aheadMs = Date.now() - statSync(made).mtimeMs;
  rmdirSync(made);
  return clockFinding(new Date(), aheadMs);
}

/** @param aheadMs of this machine before the disk */
export function clockFinding(now: Date, aheadMs: number): Finding {
  const found = now.toISOString();
  if (Math.abs(aheadMs) <= LIMITS.clockSkewMs) return { status: 'ok', found };
  return {
    status: 'warning',
    found: `${found}, ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the disk with staging`,
    todo: 'Set the clocks by NTP: run keys, schedules and the age of staged parts go by them.',
  };
}

/** Without links, also of a folder that is not there yet: a server is known by it. */
function realPath(path: string): string {
  const above = existing(path);
  return join(realpathSync(above), relative(above, path));
}

/** The folder itself, or the nearest above it that is there. */
function existing(path: string): string {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}
