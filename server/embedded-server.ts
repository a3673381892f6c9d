/** The project's own dev server: found or started, shared by every command that runs, ended by the last of them. */
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { assertPortsFree, choosePorts, type Ports } from './ports';
import { isAlive, startOfProcess } from './processes';
import {
  addressOf,
  endServer,
  findServer,
  readPorts,
  removeRecord,
  startServer,
  uiUrlOf,
  type ServerProcess,
} from './server-process';
import { findTemporalServer } from './temporal-server';
import { withLock } from './with-lock';

export interface EmbeddedOptions {
  /** `.flexetl` of the project: database, log, record and users of the server. */
  stateDir: string;
  /** Start a server when none runs; otherwise only join one. */
  start: boolean;
  /** Exactly these, or an error; chosen when absent. */
  ports?: Ports;
  env: Readonly<Record<string, string | undefined>>;
  log: (message: string) => void;
  /** Called while a server is starting: time for work of one's own, such as loading modules. */
  whileStarting?: () => void;
}

export interface EmbeddedServer {
  address: string;
  uiUrl: string;
  /** Ends the server if nobody else uses it. Call it once the worker is shut down; a second call does nothing. */
  release(): Promise<void>;
  /** Resolves when the server runs; starts it again if it was killed. It is also done by itself, within a second. */
  ensureAlive(): Promise<void>;
}

/**
 * Joins the project's server, or starts it. Every holder is on record with its process id and start time, so one that
 * was killed does not count, and a server whose users were all killed is taken over, never doubled. While it is held
 * it is watched and, if it dies, started again on the same address and database.
 * @returns null when no server runs and none was to be started
 * @throws FlexetlError PATH_UNWRITABLE, SERVER_BINARY_MISSING, SERVER_PORT_TAKEN, SERVER_UNREACHABLE
 */
export async function holdEmbeddedServer(options: EmbeddedOptions): Promise<EmbeddedServer | null> {
  const { stateDir, log } = options;
  if (!options.start && !existsSync(stateDir)) return null;
  return explainUnwritable(stateDir, async () => {
    mkdirSync(join(stateDir, 'users'), { recursive: true });
    // Getting the binary can take minutes: not under the lock.
    const binary = options.start ? await findTemporalServer(options) : null;
    return withServerLock(options, async () => {
      const running = await findServer(stateDir);
      if (!running && binary === null) return null;
      const server = running ?? (await startOnFreePorts(options, binary ?? ''));
      log(`${running ? 'Joined' : 'Started'} the embedded Temporal server at ${addressOf(server)}.`);
      return watchServer(options, server, addUser(stateDir));
    });
  });
}

/** Another program can take a port between the look and the start, so a start on chosen ports is tried again. */
async function startOnFreePorts(options: EmbeddedOptions, binary: string): Promise<ServerProcess> {
  const { stateDir, ports } = options;
  if (ports) {
    await assertPortsFree(ports);
    return startServer(stateDir, binary, ports, options.whileStarting);
  }
  const last = readPorts(stateDir);
  for (let attempt = 1; ; attempt++) {
    const chosen = await choosePorts(realpathSync(stateDir), last ? [last] : []);
    try {
      return await startServer(stateDir, binary, chosen, options.whileStarting);
    } catch (error) {
      if (attempt === 3 || !/\bport\b|address already in use/i.test(messageOf(error))) throw error;
    }
  }
}

function watchServer(options: EmbeddedOptions, started: ServerProcess, user: string): EmbeddedServer {
  const { stateDir, log } = options;
  const address = addressOf(started);
  let server = started;
  let reviving: Promise<void> | null = null;
  let released: Promise<void> | null = null;
  let lastFailure = '';

  const ensureAlive = async (): Promise<void> => {
    if (released || (!reviving && isAlive(server.pid))) return;
    reviving ??= reviveServer(options, server)
      .then((revived) => void (server = revived))
      .finally(() => (reviving = null));
    await reviving;
  };
  const look = (): void => {
    ensureAlive().catch((error: unknown) => {
      if (messageOf(error) !== lastFailure) log(`The embedded server is gone. ${messageOf(error)}`);
      lastFailure = messageOf(error);
    });
  };
  const timer = setInterval(look, LIMITS.serverWatchMs).unref();

  const leave = async (): Promise<void> => {
    clearInterval(timer);
    await reviving?.catch(() => undefined);
    // Somebody removed .flexetl: nobody can share this server any more.
    if (!existsSync(stateDir)) return endServer(server);
    await withServerLock(options, async () => {
      rmSync(user, { force: true });
      if (hasUsers(stateDir)) return;
      await endServer(server);
      removeRecord(stateDir);
    });
  };
  return { address, uiUrl: uiUrlOf(started), ensureAlive, release: () => (released ??= leave()) };
}

/** Under the lock one of the users starts it again, the others find it. */
async function reviveServer(options: EmbeddedOptions, dead: ServerProcess): Promise<ServerProcess> {
  const binary = await findTemporalServer(options);
  return withServerLock(options, async () => {
    const running = await findServer(options.stateDir);
    if (running) return running;
    options.log(`The embedded Temporal server at ${addressOf(dead)} is gone; starting it again.`);
    return startOnFreePorts({ ...options, ports: dead }, binary);
  });
}

function withServerLock<T>({ stateDir, log }: EmbeddedOptions, work: () => Promise<T>): Promise<T> {
  const onWait = (): void => log('Waiting for another command that starts or ends the embedded server.');
  return withLock({ dir: stateDir, name: 'server.lock', onWait }, work);
}

/** @returns the path of this holder's record */
function addUser(stateDir: string): string {
  const path = join(stateDir, 'users', `${process.pid}-${randomUUID().slice(0, 8)}.json`);
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: startOfProcess(process.pid) }));
  return path;
}

/** Forgets the users that are gone. Call it under the lock. */
function hasUsers(stateDir: string): boolean {
  const paths = readdirSync(join(stateDir, 'users')).map((name) => join(stateDir, 'users', name));
  const alive = paths.filter((path) => {
    if (isUserAlive(path)) return true;
    rmSync(path, { force: true });
    return false;
  });
  return alive.length > 0;
}

function isUserAlive(path: string): boolean {
  try {
    const { pid, started } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; started: string };
    return started === startOfProcess(pid);
  } catch {
    return false;
  }
}

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC'];

async function explainUnwritable<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!UNWRITABLE.includes(code)) throw error;
    throw new FlexetlError(code === 'ENOSPC' ? 'DISK_FULL' : 'PATH_UNWRITABLE', {
      message: `The folder ${stateDir}, where the embedded Temporal server keeps its state, cannot be written: ${messageOf(error)}.`,
      hint: 'Make it writable, or name a running server in TEMPORAL_ADDRESS.',
      cause: error,
    });
  }
}
