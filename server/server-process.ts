/** The embedded server as a process: start it, find it again, end it. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { probeServer } from './client';
import type { Ports } from './ports';
import { WATCHED_SERVER, watchedServerEnv } from './orphan-watch';
import { findProcess, isAlive, listProcesses, type Process } from './processes';
import { keepHistory } from './retention';

export interface ServerProcess extends Ports {
  pid: number;
  /** `.flexetl` of the project that it serves. */
  stateDir: string;
}

export function addressOf({ port }: Ports): string {
  return `127.0.0.1:${port}`;
}

export function uiUrlOf({ uiPort }: Ports): string {
  return `http://127.0.0.1:${uiPort}`;
}

/**
 * Starts a server on the ports and waits until a workflow could be started on it. It has its own process
 * group, so Ctrl-C in the terminal ends the command, which then ends the server. Its record is written before it is
 * ready, so that the next command finds the server of a command that is killed now.
 * @throws FlexetlError SERVER_UNREACHABLE with the last lines of the server's log
 */
export async function startServer(
  stateDir: string,
  binary: string,
  ports: Ports,
  whileStarting: () => void = () => undefined,
): Promise<ServerProcess> {
  prepareDatabase(stateDir);
  const logPath = join(stateDir, 'temporal.log');
  const { child, logOffset } = spawnServer(stateDir, binary, ports, logPath);
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  try {
    if (child.pid === undefined) return await failed;
    const server = { ...ports, pid: child.pid, stateDir };
    writeRecord(server);
    whileStarting();
    await waitUntilReady(server, LIMITS.serverStartMs);
    await keepHistory({ address: addressOf(server) }, 'default');
    return server;
  } catch (error) {
    const printed = readFileSync(logPath).subarray(logOffset).toString().trim().split('\n');
    if (child.pid !== undefined) await endServer({ ...ports, pid: child.pid, stateDir });
    throw new FlexetlError('SERVER_UNREACHABLE', {
      message: `The embedded Temporal server (${binary}) did not start: ${printed.slice(-3).join(' ').slice(-600) || messageOf(error)}`,
      hint: `Its log is ${logPath}. TEMPORAL_CLI_PATH names another binary, TEMPORAL_ADDRESS another server.`,
      cause: error,
    });
  }
}

function spawnServer(
  stateDir: string,
  binary: string,
  ports: Ports,
  logPath: string,
): { child: ChildProcess; logOffset: number } {
  const sizeBytes = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  const keepsLog = sizeBytes <= LIMITS.serverLogBytesMax;
  const log = openSync(logPath, keepsLog ? 'a' : 'w');
  // The server runs longer than commands: it gets none of their secrets, and no TEMPORAL_* meant for clients.
  // USER: without an entry in /etc/passwd the server cannot find its user in another way.
  const names = ['PATH', 'HOME', 'USER', 'TMPDIR', 'TZ', 'LANG'].filter((name) => process.env[name]);
  const env = {
    ...Object.fromEntries(names.map((name) => [name, process.env[name]])),
    ...watchedServerEnv(binary, ports, databaseOf(stateDir)),
  };
  const stdio: StdioOptions = ['ignore', log, log];
  const child = spawn('/bin/sh', ['-c', WATCHED_SERVER], { cwd: stateDir, detached: true, stdio, env });
  child.unref();
  closeSync(log);
  return { child, logOffset: keepsLog ? sizeBytes : 0 };
}

function databaseOf(stateDir: string): string {
  return join(realpathSync(stateDir), 'temporal.db');
}

/** Whether a server of the project has been ready: then its database may hold runs. */
export function hasDatabase(stateDir: string): boolean {
  return existsSync(stateDir) && existsSync(databaseOf(stateDir)) && !existsSync(unfinishedFile(stateDir));
}

/** Exists while the server creates its database and is not ready. */
function unfinishedFile(stateDir: string): string {
  return `${databaseOf(stateDir)}.unfinished`;
}

/**
 * A server that is killed while it creates its database leaves one that no server can use. Nobody has used it yet, so
 * it is created again.
 */
function prepareDatabase(stateDir: string): void {
  const database = databaseOf(stateDir);
  const unfinished = unfinishedFile(stateDir);
  if (existsSync(unfinished))
    for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(`${database}${ending}`, { force: true });
  else if (!existsSync(database)) writeFileSync(unfinished, '');
}

async function waitUntilReady(server: ServerProcess, timeoutMs: number): Promise<void> {
  const address = addressOf(server);
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    if (!isAlive(server.pid)) throw new Error('it ended at once');
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0) throw new Error(`no answer at ${address} within ${timeoutMs / 1000} s`);
    const probe = await probeServer({ address }, 'default', Math.min(leftMs, LIMITS.serverConnectMs));
    if (probe.status === 'ready' && isAlive(server.pid)) break;
    await delay(10);
  }
  rmSync(unfinishedFile(server.stateDir), { force: true });
}

/**
 * The server of this project that is alive and answers; null when there is none. One that is alive but does not
 * answer hangs, and is ended here. Call it under the project's lock.
 */
export async function findServer(stateDir: string): Promise<ServerProcess | null> {
  const server = fromRecord(stateDir) ?? fromProcessList(stateDir);
  if (!server) return null;
  try {
    await waitUntilReady(server, LIMITS.serverHungMs);
  } catch {
    await endServer(server);
    return null;
  }
  writeRecord(server);
  return server;
}

/** For a record that is lost, or whose writer was killed: a second server would damage the database. */
function fromProcessList(stateDir: string): ServerProcess | null {
  const database = `--db-filename ${databaseOf(stateDir)} `;
  const found = listProcesses().filter(({ command }) => command.includes(database));
  return found.map((one) => asServer(one, stateDir)).find((server) => server !== null) ?? null;
}

/** The ports are in its command line; null for any other process. */
function asServer(found: Process | null, stateDir: string): ServerProcess | null {
  const [, port, uiPort] =
    / server start-dev .*--port (\d+) --ui-port (\d+) /.exec(found?.command ?? '') ?? [];
  return found && port && uiPort
    ? { pid: found.pid, port: Number(port), uiPort: Number(uiPort), stateDir }
    : null;
}

/**
 * Ends it and waits for its end. A normal stop takes more than a second and leaves the database as a kill
 * does: SQLite in WAL mode, with every answer committed. Another process that has its id now is not touched.
 */
export async function endServer(server: ServerProcess): Promise<void> {
  rmSync(recordPath(server.stateDir), { force: true });
  if (asServer(findProcess(server.pid), server.stateDir)?.port !== server.port) return;
  try {
    // To the whole process group: the binary may be a script that has started the real one.
    process.kill(-server.pid, 'SIGKILL');
  } catch {
    // It has ended in the meantime.
  }
  const deadlineMs = Date.now() + LIMITS.serverHungMs;
  while (isAlive(server.pid) && Date.now() < deadlineMs) await delay(5);
}

/** `.flexetl/server.json`; `folder` distinguishes a copied project from the one whose server this is. */
interface ServerRecord {
  pid: number;
  address: string;
  uiUrl: string;
  folder: string;
}

function recordPath(stateDir: string): string {
  return join(stateDir, 'server.json');
}

function fromRecord(stateDir: string): ServerProcess | null {
  try {
    const record = JSON.parse(readFileSync(recordPath(stateDir), 'utf8')) as ServerRecord;
    const server = record.folder === folderOf(stateDir) ? asServer(findProcess(record.pid), stateDir) : null;
    return server && addressOf(server) === record.address ? server : null;
  } catch {
    return null;
  }
}

function writeRecord(server: ServerProcess): void {
  const { pid, stateDir } = server;
  const record: ServerRecord = {
    pid,
    address: addressOf(server),
    uiUrl: uiUrlOf(server),
    folder: folderOf(stateDir),
  };
  const path = recordPath(stateDir);
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`);
  renameSync(`${path}.new`, path);
}

function folderOf(stateDir: string): string {
  const { dev, ino } = statSync(stateDir);
  return `${dev}:${ino}`;
}
