import {
  execFileSync,
  spawn,
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
} from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '../../pipeline/limits';
import { connectClient } from '../../server/client';
import { acquireServer, type Server } from '../../server/connect';
import { findProcess, isAlive } from '../../server/processes';
import { endServerOf, serverPid, serversOf } from '../support/embedded';
import { makeFolder, removeFolder } from '../support/folder';
import { waitFor } from '../support/wait-for';

/** Nothing ever listens there. */
const NO_LOCAL = 2;
const { TEMPORAL_ADDRESS: _address, TEMPORAL_NAMESPACE: _namespace, ...env } = process.env;
const SUPPORT = join(__dirname, '..', 'support');

const commands: ChildProcess[] = [];
const projects: string[] = [];
const held: Server[] = [];

interface Command {
  child: ChildProcess;
  address: string;
  /** Ends it as a command ends that has done its work. */
  finish(): Promise<void>;
  /** What reaches the whole process group: Ctrl-C does, so does an impatient kill. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

function newProject(): string {
  const dir = makeFolder();
  projects.push(dir);
  return dir;
}

/** A command in a process of its own, up to the moment when it holds a server. */
async function startCommand(projectDir: string): Promise<Command> {
  const child = spawnCommand(projectDir);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor(() => said.includes('\n'), { what: 'a command to hold its server' });
  const gone = once(child, 'exit');
  return {
    child,
    address: (JSON.parse(said) as { address: string }).address,
    finish: async () => {
      child.stdin.end();
      await gone;
    },
    kill: async (signal = 'SIGKILL') => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
      await gone;
    },
  };
}

function spawnCommand(projectDir: string): ChildProcessWithoutNullStreams {
  const args = ['--require', join(SUPPORT, 'run-ts.js'), join(SUPPORT, 'hold-server.ts')];
  // In a process group of its own, as a terminal gives it one.
  const child = spawn(process.execPath, [...args, projectDir, String(NO_LOCAL)], { env, detached: true });
  commands.push(child);
  return child;
}

async function acquire(projectDir: string, log?: (message: string) => void): Promise<Server> {
  const options = { projectDir, env, localPort: NO_LOCAL, ...(log ? { log } : {}) };
  const server = await acquireServer(options);
  held.push(server);
  return server;
}

async function startWorkflow(server: Server, workflowId: string): Promise<void> {
  const client = connectClient(server, env);
  await client.workflow.start('pipeline', { taskQueue: 'nobody', workflowId });
  await client.connection.close();
}

async function statusOf(server: Server, workflowId: string): Promise<string> {
  const client = connectClient(server, env);
  const { status } = await client.workflow.getHandle(workflowId).describe();
  await client.connection.close();
  return status.name;
}

afterEach(async () => {
  jest.restoreAllMocks();
  for (const child of commands.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  for (const server of held.splice(0)) await server.release();
  for (const dir of projects.splice(0)) {
    endServerOf(dir);
    removeFolder(dir);
  }
});

describe('commands of one project', () => {
  it('share one server when they start at once, and the last of them ends it', async () => {
    const dir = newProject();
    const [first, second, third] = await Promise.all([startCommand(dir), startCommand(dir), acquire(dir)]);
    expect(first.address).toBe(second.address);
    expect(first.address).toBe(third.address);
    expect(serversOf(dir)).toBe(1);
    await first.finish();
    await third.release();
    expect(serversOf(dir)).toBe(1);
    await second.finish();
    expect(serversOf(dir)).toBe(0);
    expect(existsSync(join(dir, '.flexetl', 'server.json'))).toBe(false);
  });

  it('take over the server of one that was killed, with the same history, and end it', async () => {
    const dir = newProject();
    const killed = await startCommand(dir);
    const pid = serverPid(dir);
    await killed.kill();
    expect(isAlive(pid)).toBe(true);
    const next = await acquire(dir);
    expect([next.address, serverPid(dir), serversOf(dir)]).toEqual([killed.address, pid, 1]);
    await startWorkflow(next, 'w');
    await next.release();
    expect(isAlive(pid)).toBe(false);
  });

  it('find the server alive after Ctrl-C', async () => {
    const dir = newProject();
    const interrupted = await startCommand(dir);
    const pid = serverPid(dir);
    await interrupted.kill('SIGINT');
    await acquire(dir);
    expect(serverPid(dir)).toBe(pid);
  });

  it('end the server although another user was killed', async () => {
    const dir = newProject();
    const killed = await startCommand(dir);
    const server = await acquire(dir);
    await killed.kill();
    await server.release();
    expect(serversOf(dir)).toBe(0);
  });

  it('do not count a user whose process id now belongs to another process', async () => {
    const dir = newProject();
    const server = await acquire(dir);
    for (const stale of [`${process.pid}~${findProcess(process.pid)?.started}0~abc`, '1~', 'strange'])
      writeFileSync(join(dir, '.flexetl', 'users', stale), '');
    await server.release();
    expect(serversOf(dir)).toBe(0);
  });

  it('go on after one was killed while it held the lock', async () => {
    jest.replaceProperty(LIMITS, 'lockStaleMs', 2000 as 5000);
    const dir = newProject();
    mkdirSync(join(dir, '.flexetl', 'server.lock'), { recursive: true });
    const log = jest.fn<void, [string]>();
    await acquire(dir, log);
    expect(log.mock.calls[0]).toEqual([
      'Waiting for another command that starts or ends the embedded server.',
    ]);
  });
});

describe('a server whose users were all killed', () => {
  it('ends by itself, and one that is used does not', async () => {
    jest.replaceProperty(LIMITS, 'serverOrphanMs', 1000 as 10_000);
    const [used, orphaned] = [newProject(), newProject()];
    await acquire(used);
    const kept = await startCommand(used);
    const pid = serverPid(used);
    await kept.kill();
    const killed = await startCommand(orphaned);
    await killed.kill();
    expect(serversOf(orphaned)).toBe(1);
    await waitFor(() => serversOf(orphaned) === 0, { deadlineMs: 60_000, what: 'the server to end' });
    expect(existsSync(join(orphaned, '.flexetl', 'server.json'))).toBe(false);
    expect([serverPid(used), serversOf(used)]).toEqual([pid, 1]);
    const next = await acquire(orphaned);
    await startWorkflow(next, 'w');
  });

  it('ends by itself although it was not ready when its command was killed', async () => {
    const dir = newProject();
    const starting = spawnCommand(dir);
    await waitFor(() => serversOf(dir) === 1, { what: 'a server with a process' });
    process.kill(-(starting.pid ?? 0), 'SIGKILL');
    await waitFor(() => serversOf(dir) === 0, { deadlineMs: 60_000, what: 'the server to end' });
  });
});

describe('a server that is killed while commands use it', () => {
  it('comes back once, at the same address, with its history', async () => {
    const dir = newProject();
    const log = jest.fn<void, [string]>();
    const server = await acquire(dir, log);
    const other = await startCommand(dir);
    await startWorkflow(server, 'kept');
    const pid = serverPid(dir);
    process.kill(pid, 'SIGKILL');
    const revived = await waitFor(() => isAlive(serverPid(dir)) && serverPid(dir) !== pid, {
      what: 'the server to come back',
    });
    expect(revived).toBe(true);
    expect(await statusOf(server, 'kept')).toBe('RUNNING');
    expect(serversOf(dir)).toBe(1);
    await other.finish();
    expect(serversOf(dir)).toBe(1);
    await server.release();
    expect(serversOf(dir)).toBe(0);
  });

  it('is not brought back by a command that is done', async () => {
    const dir = newProject();
    const server = await acquire(dir);
    await server.release();
    await server.release();
    expect(serversOf(dir)).toBe(0);
  });
});

describe('a server that is killed while it makes its database', () => {
  it('is replaced by one that starts, with a new database', async () => {
    jest.replaceProperty(LIMITS, 'lockStaleMs', 2000 as 5000);
    const dir = newProject();
    const database = join(dir, '.flexetl', 'temporal.db');
    const child = spawnCommand(dir);
    const gone = once(child, 'exit');
    await waitFor(() => existsSync(database), { what: 'a database' });
    endServerOf(dir);
    child.kill('SIGKILL');
    await gone;
    const server = await acquire(dir);
    await startWorkflow(server, 'w');
    await server.release();
    const next = await acquire(dir);
    expect(await statusOf(next, 'w')).toBe('RUNNING');
  });

  it('keeps its database once it was ready', async () => {
    const dir = newProject();
    const killed = await startCommand(dir);
    const started = await acquire(dir);
    await startWorkflow(started, 'kept');
    await killed.kill();
    endServerOf(dir);
    await started.release();
    const server = await acquire(dir);
    expect(await statusOf(server, 'kept')).toBe('RUNNING');
  });
});

describe('a server that hangs', () => {
  it('is replaced, not doubled', async () => {
    jest.replaceProperty(LIMITS, 'serverHungMs', 500 as 10_000);
    const dir = newProject();
    const killed = await startCommand(dir);
    await killed.kill();
    const pid = serverPid(dir);
    process.kill(pid, 'SIGSTOP');
    // Until all its threads stand still it could answer.
    const state = () => execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' });
    await waitFor(() => state().startsWith('T'), { what: 'the server to be stopped' });
    const server = await acquire(dir);
    expect([server.address, isAlive(pid), serversOf(dir)]).toEqual([killed.address, false, 1]);
  });
});

describe('the record of the server', () => {
  it('is not needed to find a server that was left behind', async () => {
    const dir = newProject();
    const killed = await startCommand(dir);
    await killed.kill();
    const pid = serverPid(dir);
    rmSync(join(dir, '.flexetl', 'server.json'));
    const server = await acquire(dir);
    expect([server.address, serverPid(dir), serversOf(dir)]).toEqual([killed.address, pid, 1]);
  });

  it.each([
    ['is torn', '{"pid": 1'],
    ['names this very process', JSON.stringify({ pid: process.pid, address: '127.0.0.1:1', folder: '' })],
  ])('is not believed when it %s', async (_title, text) => {
    const dir = newProject();
    mkdirSync(join(dir, '.flexetl'));
    writeFileSync(join(dir, '.flexetl', 'server.json'), text);
    const server = await acquire(dir);
    expect(findProcess(serverPid(dir))?.command).toContain('start-dev');
    await server.release();
  });

  it('goes with a project that is moved, and not with a copy of it', async () => {
    const dir = newProject();
    const killed = await startCommand(dir);
    await killed.kill();
    const pid = serverPid(dir);
    const copy = `${dir}-copy`;
    const moved = `${dir}-moved`;
    projects.push(copy, moved);
    cpSync(dir, copy, { recursive: true });
    const ofCopy = await acquire(copy);
    expect(ofCopy.address).not.toBe(killed.address);
    await ofCopy.release();
    expect(isAlive(pid)).toBe(true);
    renameSync(dir, moved);
    const ofMoved = await acquire(moved);
    expect([ofMoved.address, serverPid(moved)]).toEqual([killed.address, pid]);
    await ofMoved.release();
    expect(isAlive(pid)).toBe(false);
  });
});

it('a server ends even if somebody removes .flexetl under it', async () => {
  const dir = newProject();
  const server = await acquire(dir);
  const pid = serverPid(dir);
  rmSync(join(dir, '.flexetl'), { recursive: true });
  await server.release();
  expect(isAlive(pid)).toBe(false);
});
