/** The project's own dev server: found or started, shared by every command that runs, ended by the last of them. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { Env } from './named-server';
import { assertPortsFree, choosePorts, type Ports } from './ports';
import { findProcess, isAlive } from './processes';
import { addressOf, endServer, findServer, startServer, uiUrlOf, type ServerProcess } from './server-process';
import { untilStopped } from './stop';
import { findTemporalServer } from './temporal-server';
import { withLock } from './with-lock';

export interface EmbeddedOptions {
  /** `.flexetl` of the project: database, log, record and users of the server. */
  stateDir: string;
  /** Exactly these, or an error; chosen when absent. */
  ports?: Ports;
  /** Usually process.env. Read: TEMPORAL_CLI_PATH, PATH, the cache folder; by others TEMPORAL_ADDRESS and its companions. */
  env: Env;
  log: (message: string) => void;
  /** Called while a server is starting: the caller can load modules in this time. */
  whileStarting?: () => void;
  /** When it is aborted, no server is joined or started any more, and its reason is thrown. */
  stopped?: AbortSignal;
}

export interface EmbeddedServer {
  address: string;
  uiUrl: string;
  /** Ends the server if nobody else uses it. Call it once the worker is shut down; a second call does nothing. */
  release(): Promise<void>;
}

/** @returns null when no server of the project runs, or `.flexetl` cannot be written */
export async function joinEmbeddedServer(options: EmbeddedOptions): Promise<EmbeddedServer | null> {
  if (!existsSync(options.stateDir)) return null;
  return holdServer(options, null).catch((error: unknown) => {
    if (error instanceof FlexetlError && error.code === 'PATH_UNWRITABLE') return null;
    throw error;
  });
}

/**
 * Joins the project's server, or starts it.
 * @throws FlexetlError PATH_UNWRITABLE, DISK_FULL, SERVER_BINARY_MISSING, SERVER_PORT_TAKEN, SERVER_UNREACHABLE
 */
export async function startEmbeddedServer(options: EmbeddedOptions): Promise<EmbeddedServer> {
  // Getting the binary can take minutes: not under the lock.
  const binary = await untilStopped(findTemporalServer(options), options.stopped);
  const server = await holdServer(options, binary);
  if (!server) throw new FlexetlError('INTERNAL', { message: 'The embedded server was not started.' });
  return server;
}

/**
 * Every user is on record with its process id and start time, so one that was killed does not count, and a server whose
 * users were all killed is taken over by the next command, or ends by itself: there are never two. While it is used it is
 * watched and, if it dies, started again on the same address and database.
 * @param binary null: only join
 */
async function holdServer(options: EmbeddedOptions, binary: string | null): Promise<EmbeddedServer | null> {
  const { stateDir, log } = options;
  try {
    mkdirSync(join(stateDir, 'users'), { recursive: true });
    return await withServerLock(options, async () => {
      options.stopped?.throwIfAborted();
      const running = await findServer(stateDir);
      if (!running && binary === null) return null;
      // Before the start: a server without a user is ended.
      const user = addUser(stateDir);
      try {
        const server = running ?? (await startOnFreePorts(options, binary ?? ''));
        log(`${running ? 'Joined' : 'Started'} the embedded Temporal server at ${addressOf(server)}.`);
        return watchServer(options, server, user);
      } catch (error) {
        rmSync(user, { force: true });
        throw error;
      }
    });
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

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC'];

/** Another program can take a port between the check and the start, so a start on chosen ports is tried again. */
async function startOnFreePorts(options: EmbeddedOptions, binary: string): Promise<ServerProcess> {
  const { stateDir, ports, whileStarting } = options;
  if (ports) {
    await assertPortsFree(ports);
    return startServer(stateDir, binary, ports, whileStarting);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await startServer(stateDir, binary, await choosePorts(realpathSync(stateDir)), whileStarting);
    } catch (error) {
      if (attempt === 3 || !/\bport\b|address already in use/i.test(messageOf(error))) throw error;
    }
  }
}

function watchServer(options: EmbeddedOptions, started: ServerProcess, user: string): EmbeddedServer {
  const { stateDir, log } = options;
  let server = started;
  let reviving: Promise<void> | null = null;
  let released: Promise<void> | null = null;
  let lastFailure = '';

  const look = (): void => {
    if (reviving || isAlive(server.pid)) return;
    reviving = reviveServer(options, server)
      .then((revived) => void (server = revived))
      .catch((error: unknown) => {
        if (messageOf(error) !== lastFailure) log(`The embedded server has ended. ${messageOf(error)}`);
        lastFailure = messageOf(error);
      })
      .finally(() => (reviving = null));
  };
  const timer = setInterval(look, LIMITS.serverWatchMs).unref();

  const leave = async (): Promise<void> => {
    clearInterval(timer);
    await reviving;
    // Somebody has removed .flexetl: no other command can find this server.
    if (!existsSync(stateDir)) return endServer(server);
    await withServerLock(options, async () => {
      rmSync(user, { force: true });
      if (!hasUsers(stateDir)) await endServer(server);
    });
  };
  return { address: addressOf(started), uiUrl: uiUrlOf(started), release: () => (released ??= leave()) };
}

/** Under the lock one of the users starts it again, the others find it. */
async function reviveServer(options: EmbeddedOptions, dead: ServerProcess): Promise<ServerProcess> {
  const binary = await findTemporalServer(options);
  return withServerLock(options, async () => {
    const running = await findServer(options.stateDir);
    if (running) return running;
    options.log(`The embedded Temporal server at ${addressOf(dead)} has ended; starting it again.`);
    return startOnFreePorts({ ...options, ports: dead }, binary);
  });
}

function withServerLock<T>({ stateDir, log }: EmbeddedOptions, work: () => Promise<T>): Promise<T> {
  const onWait = (): void => log('Waiting for another command that starts or ends the embedded server.');
  return withLock(join(stateDir, 'server.lock'), onWait, work);
}

/** @returns the path of this user's record, an empty file whose name has the data */
function addUser(stateDir: string): string {
  const name = [process.pid, startOf(process.pid), randomUUID().slice(0, 8)].join('~');
  const path = join(stateDir, 'users', name);
  writeFileSync(path, '');
  return path;
}

function startOf(pid: number): string {
  return encodeURIComponent(findProcess(pid)?.started ?? '');
}

/** Removes the records of users that have ended. Call it under the lock. */
function hasUsers(stateDir: string): boolean {
  const users = readdirSync(join(stateDir, 'users'));
  const alive = users.filter((name) => {
    const [pid, started] = name.split('~');
    if (started && started === startOf(Number(pid))) return true;
    rmSync(join(stateDir, 'users', name), { force: true });
    return false;
  });
  return alive.length > 0;
}
