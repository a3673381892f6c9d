/** A worker: activities over this machine's files and DuckDB, workflows from the prebuilt bundle. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type LogEntry } from '@temporalio/worker';
import { createActivities } from '../activities';
import { createDeps } from '../engine/deps';
import { LIMITS } from '../pipeline/limits';
import type { Logger } from '../runtime/log';
import { ownerOf, type Project } from '../runtime/project';
import type { Settings } from '../runtime/settings';
import { buildId, bundlePath } from './bundle';
import { createClient } from '../server/client';
import { connectionOptions } from '../server/named-server';
import type { Server } from '../server/connect';
import { answerHealth, type Vitals } from './health';
import { PLUGINS } from './plugins';
import { findSearchAttributes } from './search-attributes';
import { oneThreadOptions, stopWatchingPromises } from './sdk-internals';

export interface WorkerOptions {
  /**
   * Run workflows in the main thread. Their own thread takes 0.3 s to start and 40 MB of memory; it isolates many
   * workflows from each other and from everything else.
   */
  oneThread?: boolean;
}

export interface RunningWorker {
  /** Over the worker's own connection, until it is stopped. */
  client: Client;
  /** Stops taking work, lets running activities end within the grace time, and closes the connection. */
  stop(): Promise<void>;
  /** Resolves when the worker has stopped, rejects when it failed. */
  done: Promise<void>;
}

/** Connects and runs a worker in this process until `stop` is called. */
export async function startWorker(
  server: Server,
  project: Project,
  settings: Settings,
  log: Logger,
  { oneThread = false }: WorkerOptions = {},
): Promise<RunningWorker> {
  installRuntime(log);
  const connection = await NativeConnection.connect(connectionOptions(server, settings.env));
  const worker = await Worker.create({
    connection,
    namespace: server.namespace,
    taskQueue: project.taskQueue,
    identity: `${process.pid}@${hostname()}`,
    workflowBundle: { codePath: bundlePath() },
    buildId: buildId(),
    ...(oneThread && oneThreadOptions()),
    activities: createActivities(
      createDeps(settings, PLUGINS, log),
      ownerOf(project),
      findSearchAttributes(connection, server.namespace),
    ),
    maxConcurrentActivityTaskExecutions: LIMITS.activitiesPerWorkerMax,
    // Cancellation comes with the answer to a heartbeat: throttling would delay it.
    maxHeartbeatThrottleInterval: LIMITS.heartbeatIntervalMs,
    defaultHeartbeatThrottleInterval: LIMITS.heartbeatIntervalMs,
    // A worker killed in the middle of a run holds its workflow for this long.
    stickyQueueScheduleToStartTimeout: LIMITS.stickyTimeoutMs,
    shutdownGraceTime: LIMITS.shutdownGraceMs,
    shutdownForceTime: LIMITS.shutdownForceMs,
  });
  if (oneThread) stopWatchingPromises();
  const endHealth = answerHealth(settings, vitalsOf(worker, connection));
  const done = worker.run().finally(() => {
    endHealth();
    return connection.close();
  });
  // The caller that awaits `done` sees the failure; unhandled it would end the process before.
  done.catch(() => undefined);
  return {
    client: createClient(connection, server.namespace),
    done,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      const abandon = new AbortController();
      await Promise.race([done.catch(() => undefined), waitUntilIdle(worker, abandon.signal)]);
      abandon.abort();
    },
  };
}

/**
 * A worker whose server is away would wait for it until it is forced to end, even if it has nothing to do. A task
 * that the server still gives to this worker goes to another one when this one does not answer.
 */
async function waitUntilIdle(worker: Worker, signal: AbortSignal): Promise<void> {
  let idleMs = 0;
  while (idleMs < LIMITS.idleStopMs && !signal.aborted) {
    await delay(IDLE_LOOK_MS);
    const { numInFlightActivities, numInFlightWorkflowActivations } = worker.getStatus();
    idleMs = numInFlightActivities + numInFlightWorkflowActivations === 0 ? idleMs + IDLE_LOOK_MS : 0;
  }
}

const IDLE_LOOK_MS = 100;

function vitalsOf(worker: Worker, { workflowService }: NativeConnection): Vitals {
  const { namespace, taskQueue } = worker.options;
  return {
    taskQueue,
    state: () => stateOf(worker),
    activities: () => worker.getStatus().numInFlightActivities,
    // Whether it knows this worker cannot be asked: the answer covers only one partition of the task queue.
    askServer: () => workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } }),
  };
}

/** RUNNING only while the worker polls for both kinds of tasks. */
function stateOf(worker: Worker): string {
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  if (runState !== 'RUNNING') return runState;
  return [workflowPollerState, activityPollerState].find((state) => state !== 'POLLING') ?? runState;
}

let installed = false;

/** Once per process: Temporal's own log lines go to our log. */
function installRuntime(log: Logger): void {
  if (installed) return;
  installed = true;
  const logger = new DefaultLogger('WARN', (entry) => writeEntry(log, entry));
  // Signals belong to the command line, which cancels the run before it stops the worker.
  // By default the native part of the SDK writes its warnings to stdout, into the results.
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging } });
}

function writeEntry(log: Logger, entry: LogEntry): void {
  // Failed attempts are logged by the steps, in their own words.
  if (entry.message === 'Activity failed' || entry.message === 'Workflow failed') return;
  // Temporal only warns of workflows that fail, and tries them for ever.
  const isError = entry.level === 'ERROR' || entry.message === 'Failing workflow task';
  const level = isError ? 'error' : 'debug';
  log[level]({ temporal: entry.meta }, entry.message);
}
