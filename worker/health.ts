/**
 * Health checks of workers: HTTP over a Unix socket that only the same user can open.
 *
 * `GET /live` proves that the process answers and that its worker takes work; `GET /health` proves in addition that
 * the Temporal server answers it. A worker must not be restarted because the server is away, so the two differ.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { Settings } from '../runtime/settings';
import { isAlive } from '../server/processes';

export interface WorkerHealth {
  healthy: boolean;
  /** Absent when it is healthy. */
  reason?: string;
  pid: number;
  task_queue: string;
  /** Activities that it is running. */
  activities: number;
}

/** What a worker knows about itself. */
export interface Vitals {
  taskQueue: string;
  /** The state of the worker; it takes work while it is RUNNING. */
  state: () => string;
  activities: () => number;
  /** Rejects when the server does not answer. */
  askServer: () => Promise<unknown>;
}

/**
 * Never throws: a worker that cannot be asked still works.
 * @returns a function that closes the socket
 */
export function answerHealth(settings: Settings, vitals: Vitals): () => void {
  const path = `${socketPrefix(settings)}${process.pid}${SOCKET}`;
  const dir = dirname(path);
  removeDead(dir);
  const server = createServer((incoming, answer) => {
    void examine(vitals, incoming.url !== '/live').then((health) => {
      answer.writeHead(health.healthy ? 200 : 503, { 'content-type': 'application/json' });
      answer.end(JSON.stringify(health));
    });
  });
  const listen = (): void => {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      // Left by a killed process with the same id, which is common in containers.
      rmSync(path, { force: true });
      server.listen(path).unref();
    } catch {
      // Without the folder nobody can ask.
    }
  };
  // Another worker may have removed the empty folder in between.
  server.once('error', () => {
    server.on('error', () => undefined);
    listen();
  });
  listen();
  return () => {
    server.close();
    rmSync(path, { force: true });
    removeIfEmpty(dir);
  };
}

/** Workers that were killed leave their sockets behind, of whatever project. */
function removeDead(dir: string): void {
  for (const name of socketsIn(dir)) {
    const pid = Number(/(\d+)\.sock$/.exec(name)?.[1]);
    if (!isAlive(pid)) rmSync(join(dir, name), { force: true });
  }
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Another worker uses it.
  }
}

function socketsIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => name.endsWith(SOCKET));
  } catch {
    return [];
  }
}

async function examine(vitals: Vitals, asksServer: boolean): Promise<WorkerHealth> {
  const state = vitals.state();
  const found = { pid: process.pid, task_queue: vitals.taskQueue, activities: vitals.activities() };
  if (state !== 'RUNNING')
    return { healthy: false, reason: `the worker is ${state.toLowerCase()}`, ...found };
  if (!asksServer) return { healthy: true, ...found };
  try {
    // The SDK ignores deadlines while it reconnects.
    await Promise.race([vitals.askServer(), failAfter(LIMITS.healthServerMs)]);
    return { healthy: true, ...found };
  } catch (error) {
    return {
      healthy: false,
      reason: `the Temporal server does not answer: ${messageOf(error)}`,
      ...found,
    };
  }
}

async function failAfter(timeoutMs: number): Promise<never> {
  await delay(timeoutMs, undefined, { ref: false });
  throw new Error(`no answer within ${timeoutMs} ms`);
}

/** Asks every worker of the project on this machine. One that was killed is left out; one that hangs is unhealthy. */
export async function askWorkers(settings: Settings, question: 'live' | 'health'): Promise<WorkerHealth[]> {
  const prefix = socketPrefix(settings);
  const paths = socketsIn(dirname(prefix)).map((name) => join(dirname(prefix), name));
  const answers = await Promise.all(
    paths.filter((path) => path.startsWith(prefix)).map((path) => ask(path, question)),
  );
  return answers.filter((answer) => answer !== undefined);
}

function ask(socketPath: string, question: string): Promise<WorkerHealth | undefined> {
  return new Promise((resolve) => {
    const pid = Number(/(\d+)\.sock$/.exec(socketPath)?.[1]);
    const unhealthy = (reason: string): void =>
      resolve({ healthy: false, reason, pid, task_queue: '', activities: 0 });
    const asked = request({ socketPath, path: `/${question}`, timeout: LIMITS.healthAnswerMs }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => resolve(JSON.parse(text) as WorkerHealth));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${LIMITS.healthAnswerMs} ms`)));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else unhealthy(error.message);
    });
    asked.end();
  });
}

const SOCKET = '.sock';

/**
 * The start of the paths of a project's sockets, before the process id. Short, because the path of a socket may have only
 * 100 characters. A container has its own /tmp.
 */
function socketPrefix({ projectDir }: Settings): string {
  const user = process.getuid?.() ?? 0;
  const project = createHash('sha256').update(projectDir).digest('hex').slice(0, 12);
  return join(tmpdir(), `flexetl-${user}`, `${project}-`);
}
