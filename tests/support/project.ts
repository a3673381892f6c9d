/** A user's project in a folder of its own, and the command line over it: in this process, or as a process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Writable } from 'node:stream';
import { stringify } from 'yaml';
import { main } from '../../client/cli';
import type { OnInterrupt, StopSignal } from '../../client/signals';
import { messageOf } from '../../pipeline/errors';
import type { RunReport } from '../../pipeline/report';
import { makeFolder, removeFolder } from './folder';
import { waitFor } from './wait-for';
import { openSqlite, type Sqlite } from '../../targets/sqlite/binding';

const CLI = join(__dirname, '..', '..', 'dist', 'client', 'flexetl.js');

export interface Outcome {
  exit: number | null;
  stdout: string;
  stderr: string;
}

/** A command that is running as a process. */
export interface Running {
  child: ChildProcess;
  /** What it has said so far. */
  said(): Outcome;
  /** Waits for a line on either stream. */
  says(pattern: RegExp): Promise<void>;
  ended(deadlineMs?: number): Promise<Outcome>;
}

export interface Project {
  dir: string;
  /** Where commands in this process are called. */
  cwd: string;
  /** Of its one pipeline; unlike that of any other test. */
  name: string;
  env: Record<string, string | undefined>;
  /** The start file of commands that are processes; another one is another build. */
  cli: string;
  /** Commands in this process write to a terminal. */
  terminal: boolean;
  path(...parts: string[]): string;
  write(path: string, content: string | Uint8Array): string;
  /** Writes the pipeline file: sections laid over a pipeline of data/input.csv into output/out.db, table result. */
  configure(sections?: Record<string, unknown>): void;
  /** Runs a command in this process. */
  flexetl(...argv: string[]): Promise<Outcome>;
  /** What every command that uses the server says on stderr. */
  usesServer(): string;
  /** Presses Ctrl-C on the commands that run in this process. */
  interrupt(): void;
  /** Starts a command as a process. */
  start(...argv: string[]): Running;
  /** The rows of a table as texts; undefined when there is no such table. */
  rows(table?: string): (string | null)[][] | undefined;
  /** What a run must not leave behind: staging tables, staged files, scratch. */
  leftovers(): string[];
}

const open: { project: Project; commands: Running[] }[] = [];

export function openProject(): Project {
  const dir = makeFolder();
  const id = randomBytes(4).toString('hex');
  const commands: Running[] = [];
  const interrupts = new Set<(signal: StopSignal) => void>();
  const { FLEXETL_TEST_ADDRESS: address, ...inherited } = process.env;
  const project: Project = {
    dir,
    cwd: dir,
    name: `sales_${id}`,
    env: {
      ...inherited,
      TEMPORAL_ADDRESS: address,
      FLEXETL_PROJECT: 'test',
      FLEXETL_TASK_QUEUE: `queue-${id}`,
      // Nobody answers there: a server that happens to run on this machine is none of ours.
      FLEXETL_LOCAL_PORT: '1',
      FORCE_COLOR: undefined,
    },
    cli: CLI,
    terminal: false,
    path: (...parts) => join(dir, ...parts),
    write(path, content) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), content);
      return join(dir, path);
    },
    configure(sections = {}) {
      const pipeline = { name: project.name, ...BASE, ...sections };
      project.write(`configs/${project.name}.yaml`, stringify({ version: '1.0', pipeline }));
    },
    async flexetl(...argv) {
      const stdout = createCapture();
      const stderr = Object.assign(createCapture(), { isTTY: project.terminal });
      const onInterrupt: OnInterrupt = (handler) => {
        interrupts.add(handler);
        return () => interrupts.delete(handler);
      };
      const exit = await main(argv, { stdout, stderr, env: project.env, cwd: project.cwd, onInterrupt });
      return { exit, stdout: stdout.text(), stderr: stderr.text() };
    },
    usesServer: () =>
      `Using the Temporal server at ${project.env['TEMPORAL_ADDRESS']} (TEMPORAL_ADDRESS), namespace default.\n`,
    interrupt: () => interrupts.forEach((handler) => handler('SIGINT')),
    start(...argv) {
      const running = startCommand(argv, project);
      commands.push(running);
      return running;
    },
    rows: (table = 'result') => readTable(join(dir, 'output', 'out.db'), table),
    leftovers: () => [...stagingTables(join(dir, 'output', 'out.db')), ...stagedFiles(dir)],
  };
  open.push({ project, commands });
  return project;
}

/** Ends what the projects of a test have left running and removes their folders. */
export async function closeProjects(): Promise<void> {
  for (const { project, commands } of open.splice(0)) {
    for (const command of commands) {
      if (command.said().exit === null) command.child.kill('SIGKILL');
      await command.ended();
    }
    removeFolder(project.dir);
  }
}

const BASE = {
  source: { type: 'csv', path: 'data/input.csv' },
  targets: [{ type: 'sqlite', database: 'output/out.db', table: 'result' }],
};

/** The one JSON document on stdout; fails when there is anything else. */
export function reportOf({ stdout }: Outcome): RunReport {
  return JSON.parse(stdout) as RunReport;
}

function createCapture(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer | string, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return Object.assign(stream, { text: () => Buffer.concat(chunks).toString() });
}

function startCommand(argv: readonly string[], project: Project): Running {
  const child = spawn(process.execPath, [project.cli, ...argv], {
    cwd: project.dir,
    env: project.env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Outcome = { exit: null, stdout: '', stderr: '' };
  let closed = false;
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  child.on('close', (code, signal) => {
    closed = true;
    said.exit = code ?? (signal === null ? -1 : -2);
  });
  const all = (): string => `${said.stdout}\n${said.stderr}`;
  return {
    child,
    said: () => ({ ...said }),
    async says(pattern) {
      await waitFor(
        () => {
          if (closed && !pattern.test(all()))
            throw new Error(`It ended without ${String(pattern)}:\n${all()}`);
          return pattern.test(all());
        },
        { deadlineMs: 30_000, what: `${String(pattern)} of ${argv.join(' ')}` },
      );
    },
    async ended(deadlineMs = 45_000) {
      await waitFor(() => closed, { deadlineMs, what: `the end of ${argv.join(' ')}` }).catch(
        (error: unknown) => {
          throw new Error(`${messageOf(error)} It said:\n${all()}`);
        },
      );
      return { ...said };
    },
  };
}

/** Every value as text, as SQLite itself spells it. */
export function readTable(file: string, table: string): (string | null)[][] | undefined {
  return withDatabase(file, (db) => {
    const columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[];
    if (columns.length === 0) return undefined;
    const quoted = columns.map((name) => `CAST("${name.replaceAll('"', '""')}" AS TEXT)`).join(', ');
    const from = `"${table.replaceAll('"', '""')}"`;
    return db.prepare(`SELECT ${quoted} FROM ${from} ORDER BY rowid`).raw().all() as (string | null)[][];
  });
}

function stagingTables(file: string): string[] {
  const sql = `SELECT name FROM sqlite_schema WHERE name LIKE '\\_flexetl\\_stage%' ESCAPE '\\'`;
  return withDatabase(file, (db) => db.prepare(sql).pluck().all() as string[]) ?? [];
}

function withDatabase<T>(file: string, work: (db: Sqlite) => T): T | undefined {
  if (!existsSync(file)) return undefined;
  const db = openSqlite(file, { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Files of staging, and folders of runs, empty or not; the store's id and the folders of project and pipeline may stay. */
function stagedFiles(dir: string): string[] {
  const root = join(dir, '.flexetl', 'staging');
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .filter((path) => path.split('/').length > 4);
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
