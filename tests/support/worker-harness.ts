/** A project folder of its own with a worker on the test run's server; steps can be made to fail. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  Client,
  Connection,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import pino from 'pino';
import { createActivities, type Activities } from '../../activities';
import { createDeps, type Deps } from '../../engine/deps';
import { awaitReport } from '../../control/await-report';
import { LIMITS } from '../../pipeline/limits';
import type { Plugins } from '../../pipeline/config/schema';
import type { RunReport } from '../../pipeline/report';
import type { Source } from '../../plugin/source';
import { openProject, ownerOf, type Ownership, type Project } from '../../runtime/project';
import { readSettings, type Settings } from '../../runtime/settings';
import { buildId, bundlePath } from '../../worker/bundle';
import { PLUGINS } from '../../worker/plugins';
import { workflowIdOf, type PipelineInput } from '../../workflows/messages';
import type { pipeline } from '../../workflows/pipeline';
import { makeFolder, removeFolder } from './folder';
import { openSqlite, type Sqlite } from '../../targets/sqlite/binding';

export type RunHandle = WorkflowHandle<typeof pipeline>;
type StartedHandle = WorkflowHandleWithFirstExecutionRunId<typeof pipeline>;
type StartOptions = Partial<
  Pick<WorkflowStartOptions, 'workflowId' | 'workflowTaskTimeout' | 'cronSchedule'>
>;
type AnyStep = (input: never) => Promise<object>;

/** A pipeline file by its sections; JSON is YAML. */
export interface PipelineSections {
  source: { type?: string; [option: string]: unknown };
  transformations?: object[];
  validation?: object;
  targets?: object[];
  scalability?: object;
  fault_tolerance?: object;
}

export interface Harness {
  dir: string;
  settings: Settings;
  project: Project;
  owner: Ownership;
  deps: Deps;
  client: Client;
  /** Writes a file of the project. */
  write(path: string, text: string | Uint8Array): void;
  /** Writes configs/<name>.yaml under a name that no other test has, and gives the name. */
  addPipeline(sections: PipelineSections): string;
  /** @param input a name, as by hand; or what a command knows, to which project and staging store are added */
  start(input: string | PipelineInput, options?: StartOptions): Promise<StartedHandle>;
  /** Runs to the end, however it ends. */
  run(input: string | PipelineInput): Promise<RunReport>;
  /** Puts another function in the place of a step, until {@link Harness.mend}. */
  fake<N extends keyof Activities>(name: N, make: (real: Activities[N]) => Activities[N]): void;
  mend(): void;
  startWorker(options?: Partial<WorkerOptions>): Promise<{ stop(): Promise<void> }>;
  /** Rows of a query on a SQLite file of the project, integers as bigint. */
  query(database: string, sql: string): unknown[][];
  /** Tables of a SQLite file that users made or would see. */
  tables(database: string): string[];
  /** Files of staging, of all runs of a pipeline. */
  staged(name: string): string[];
  close(): Promise<void>;
}

export const RETRY_FAST = { retry: { initial_backoff_seconds: 0.01, max_backoff_seconds: 0.05 } };

export function sqliteTarget(
  table = 't',
  mode: 'replace' | 'append' = 'replace',
  database = 'out.db',
): { type: string; database: string; table: string; mode: string } {
  return { type: 'sqlite', database, table, mode };
}

/**
 * @param workers how many workers to begin with, in this process
 * @param sources that the workers have beside those of the product
 * @param targets likewise
 */
export async function openHarness({
  workers = 1,
  sources = [],
  targets = [],
}: {
  workers?: number;
  sources?: readonly Source<object>[];
  targets?: Plugins['targets'];
} = {}): Promise<Harness> {
  const dir = makeFolder();
  const address = process.env['FLEXETL_TEST_ADDRESS'] ?? '';
  const env = {
    TEMPORAL_ADDRESS: address,
    FLEXETL_PROJECT: 'test',
    FLEXETL_TASK_QUEUE: `test-${randomUUID()}`,
  };
  const settings = readSettings(env, dir);
  const project = await openProject(settings, { works: true, ownServer: false });
  const owner = ownerOf(project);
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const log = pino({ level: 'silent' });
  const plugins = {
    ...PLUGINS,
    sources: [...PLUGINS.sources, ...sources] as Plugins['sources'],
    targets: [...PLUGINS.targets, ...targets],
  };
  const deps = createDeps(settings, plugins, log);
  const real = createActivities(deps, owner);
  const fakes = new Map<string, AnyStep>();
  const activities = Object.fromEntries(
    Object.entries(real).map(([name, step]) => [
      name,
      (input: never) => (fakes.get(name) ?? (step as AnyStep))(input),
    ]),
  );
  const running: { stop(): Promise<void> }[] = [];
  const open = (database: string): Sqlite =>
    openSqlite(join(dir, database), { readonly: true, fileMustExist: true });

  const harness: Harness = {
    dir,
    settings,
    project,
    owner,
    deps,
    client,
    write(path, text) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    },
    addPipeline({ source, targets = [sqliteTarget()], ...sections }) {
      const name = `p-${randomUUID()}`;
      const file = { version: '1.0', name, source: { type: 'csv', ...source }, targets, ...sections };
      harness.write(`configs/${name}.yaml`, JSON.stringify(file));
      return name;
    },
    start(input, options = {}) {
      const name = typeof input === 'string' ? input : input.name;
      const workflowId = workflowIdOf(project.name, name);
      return client.workflow.start<typeof pipeline>('pipeline', {
        workflowId,
        taskQueue: project.taskQueue,
        args: [typeof input === 'string' ? input : { ...owner, ...input }] as [string | PipelineInput],
        ...options,
      });
    },
    run: async (input) => awaitReport(await harness.start(input)),
    fake(name, make) {
      fakes.set(name, make(real[name]) as unknown as AnyStep);
    },
    mend: () => fakes.clear(),
    async startWorker(options = {}) {
      const worker = await createWorker(address, project.taskQueue, activities, options);
      running.push(worker);
      return worker;
    },
    query(database, sql) {
      const db = open(database);
      try {
        return db.prepare(sql).safeIntegers().raw().all() as unknown[][];
      } finally {
        db.close();
      }
    },
    tables(database) {
      if (!existsSync(join(dir, database))) return [];
      const sql = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> '_flexetl_loads' ORDER BY name`;
      return harness.query(database, sql).map(([name]) => String(name));
    },
    staged(name) {
      const root = join(settings.stagingDir, project.name, name);
      return existsSync(root) ? readdirSync(root, { recursive: true }).map(String) : [];
    },
    async close() {
      for (const worker of running.splice(0)) await worker.stop();
      await connection.close();
      removeFolder(dir);
    },
  };
  for (let index = 0; index < workers; index += 1) await harness.startWorker();
  return harness;
}

let installed = false;

async function createWorker(
  address: string,
  taskQueue: string,
  activities: object,
  options: Partial<WorkerOptions>,
): Promise<{ stop(): Promise<void> }> {
  if (!installed) {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      shutdownSignals: [],
      telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    });
  }
  installed = true;
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: { codePath: bundlePath() },
    buildId: buildId(),
    activities,
    maxHeartbeatThrottleInterval: LIMITS.heartbeatIntervalMs,
    defaultHeartbeatThrottleInterval: LIMITS.heartbeatIntervalMs,
    stickyQueueScheduleToStartTimeout: LIMITS.stickyTimeoutMs,
    shutdownGraceTime: 1000,
    ...options,
  });
  const done = worker.run().finally(() => connection.close());
  return {
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
  };
}

/** A gate that a step waits at, until the test opens it. */
export function createGate(): { reached: Promise<void>; open(): void; pass(): Promise<void> } {
  let reach = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    reached,
    open,
    async pass() {
      reach();
      await opened;
    },
  };
}
