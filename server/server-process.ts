/** The embedded server as a process: its record in .flexetl, starting it, finding it again, ending it. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
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
import type { Ports } from './ports';
import { commandOfProcess, findProcess, isAlive } from './processes';
import { probePort, probeServer } from './server-probe';

export interface ServerProcess extends Ports {
  pid: number;
}

/** `.flexetl/server.json`; `folder` tells a copied project from the one whose server this is. */
interface ServerRecord {
  pid: number;
  address: string;
  uiUrl: string;
  startedAt: string;
  folder: string;
}

export function addressOf({ port }: Ports): string {
  return `127.0.0.1:${port}`;
}

export function uiUrlOf({ uiPort }: Ports): string {
  return `http://127.0.0.1:${uiPort}`;
}

/**
 * Starts a server on the ports and waits until a workflow could be started on it. It stands in a process group of its
 * own, so Ctrl-C in the terminal ends the command, which then ends the server. Its record is written before it is
 * ready: a command killed now leaves a server that the next one finds.
 * @throws FlexetlError SERVER_UNREACHABLE with the last lines of the server's log
 */
export async function startServer(
  stateDir: string,
  binary: string,
  ports: Ports,
  whileStarting: () => void = () => undefined,
): Promise<ServerProcess> {
  const logPath = join(stateDir, 'temporal.log');
  const { child, logOffset } = spawnServer(stateDir, binary, ports, logPath);
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  try {
    if (child.pid === undefined) return await failed;
    const server = { ...ports, pid: child.pid };
    writeRecord(stateDir, server);
    whileStarting();
    await waitUntilReady(server, LIMITS.serverStartMs);
    return server;
  } catch (error) {
    const said = tailOfLog(logPath, logOffset);
    if (child.pid !== undefined) await endServer({ ...ports, pid: child.pid });
    throw new FlexetlError('SERVER_UNREACHABLE', {
      message: `The embedded Temporal server (${binary}) did not start: ${said || messageOf(error)}`,
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
  const args = ['server', 'start-dev', '--ip', '127.0.0.1'];
  args.push('--port', String(ports.port), '--ui-port', String(ports.uiPort));
  args.push('--db-filename', databaseOf(stateDir), '--log-level', 'error');
  // Measured: the first start in 0.3 s instead of 1 s, and five times the workflow starts. Safe against every kill.
  args.push('--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
  const child = spawn(binary, args, {
    cwd: stateDir,
    detached: true,
    stdio: ['ignore', log, log],
    env: plainEnv(),
  });
  child.unref();
  closeSync(log);
  return { child, logOffset: keepsLog ? sizeBytes : 0 };
}

/** The server outlives commands: it gets none of their secrets, and no TEMPORAL_* meant for clients. */
function plainEnv(): NodeJS.ProcessEnv {
  // USER: without an entry in /etc/passwd the server knows its user by no other way.
  const names = ['PATH', 'HOME', 'USER', 'TMPDIR', 'TZ', 'LANG'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

async function waitUntilReady(server: ServerProcess, timeoutMs: number): Promise<void> {
  const address = addressOf(server);
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    if (!isAlive(server.pid)) throw new Error('it ended at once');
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0) throw new Error(`no answer at ${address} within ${timeoutMs / 1000} s`);
    if ((await probePort(address, leftMs)) === null) {
      const probe = await probeServer({ address }, 'default', Math.min(leftMs, LIMITS.serverConnectMs));
      if (probe.status === 'ready' && isAlive(server.pid)) return;
    }
    await delay(10);
  }
}

/**
 * The server of this project that is alive and answers; null when there is none. One that is alive and does not
 * answer is hung and ended here. Call it under the project's lock.
 */
export async function findServer(stateDir: string): Promise<ServerProcess | null> {
  const record = readRecord(stateDir);
  const server = (record && fromRecord(record)) ?? fromProcessList(stateDir);
  if (!server) return null;
  const ageMs = record ? Date.now() - Date.parse(record.startedAt) : Infinity;
  try {
    await waitUntilReady(server, ageMs < LIMITS.serverStartMs ? LIMITS.serverStartMs : LIMITS.serverHungMs);
  } catch {
    await endServer(server);
    return null;
  }
  if (server.pid !== record?.pid) writeRecord(stateDir, server);
  return server;
}

/** The ports of the last server, also when it is gone: a link to its Web UI should go on working. */
export function readPorts(stateDir: string): Ports | null {
  const record = readRecord(stateDir);
  const port = Number(record?.address.split(':').at(-1));
  const uiPort = Number(record?.uiUrl.split(':').at(-1));
  return port > 0 && uiPort > 0 ? { port, uiPort } : null;
}

function fromRecord({ pid, address }: ServerRecord): ServerProcess | null {
  const ports = portsOfCommand(commandOfProcess(pid));
  return ports && addressOf(ports) === address ? { ...ports, pid } : null;
}

/** Without a record (lost, or its writer was killed first) a second server on the same database would be ruin. */
function fromProcessList(stateDir: string): ServerProcess | null {
  const database = `--db-filename ${databaseOf(stateDir)} `;
  const pid = findProcess((command) => portsOfCommand(command) !== null && command.includes(database));
  const ports = pid === null ? null : portsOfCommand(commandOfProcess(pid));
  return pid !== null && ports ? { ...ports, pid } : null;
}

/** The ports in the command line of an embedded server; null when it is any other process. */
function portsOfCommand(command: string): Ports | null {
  const [, port, uiPort] = / server start-dev .*--port (\d+) --ui-port (\d+) /.exec(command) ?? [];
  return port && uiPort ? { port: Number(port), uiPort: Number(uiPort) } : null;
}

/**
 * Ends it and waits until it is gone. Its own way to stop takes more than a second, and leaves the database as a kill
 * does: SQLite in WAL mode, every answer it gave committed. A process that has got its id since is left alone.
 */
export async function endServer(server: ServerProcess): Promise<void> {
  if (portsOfCommand(commandOfProcess(server.pid))?.port !== server.port) return;
  sendSignal(server.pid, 'SIGKILL');
  const deadlineMs = Date.now() + LIMITS.serverHungMs;
  while (isAlive(server.pid) && Date.now() < deadlineMs) await delay(5);
}

/** To the whole group, which it leads: the binary may be a script that started the real one. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended on its own in between.
  }
}

function databaseOf(stateDir: string): string {
  return join(realpathSync(stateDir), 'temporal.db');
}

function folderOf(stateDir: string): string {
  const { dev, ino } = statSync(stateDir);
  return `${dev}:${ino}`;
}

function readRecord(stateDir: string): ServerRecord | null {
  try {
    const record = JSON.parse(readFileSync(join(stateDir, 'server.json'), 'utf8')) as ServerRecord;
    return record.folder === folderOf(stateDir) && Number.isInteger(record.pid) ? record : null;
  } catch {
    return null;
  }
}

function writeRecord(stateDir: string, server: ServerProcess): void {
  const record: ServerRecord = {
    pid: server.pid,
    address: addressOf(server),
    uiUrl: uiUrlOf(server),
    startedAt: new Date().toISOString(),
    folder: folderOf(stateDir),
  };
  const path = join(stateDir, 'server.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`);
  renameSync(`${path}.new`, path);
}

export function removeRecord(stateDir: string): void {
  rmSync(join(stateDir, 'server.json'), { force: true });
}

/** What the server said since its start, shortened: usually one line, the reason why it ended. */
function tailOfLog(logPath: string, offset: number): string {
  const lines = readFileSync(logPath).subarray(offset).toString().trim().split('\n');
  return lines.slice(-3).join(' ').slice(-600);
}
