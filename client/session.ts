/** A command's use of the Temporal server: found or started, and released at the end. */
import type { Client } from '@temporalio/client';
import type { PipelineConfig } from '../pipeline/config/schema';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { noProject } from '../runtime/config-file';
import { isProject } from '../runtime/find-project';
import { openProject, type Project } from '../runtime/project';
import { projectPath } from '../runtime/settings';
import { closeLog, createLog, type Logger } from '../runtime/log';
import { connectClient } from '../server/client';
import { acquireServer, type Server, type ServerOptions } from '../server/connect';
import type { CommandContext } from './context';
import { namesServer } from '../server/named-server';
import { hasDatabase } from '../server/server-process';
import { untilStopped } from '../server/stop';
import { printNote } from './print';
import { interruptedBy, SIGNAL_EXIT } from './signals';

export interface Session {
  server: Server;
  project: Project;
  /** Connects at the first use; a command with a worker uses the worker's client. */
  client: Client;
  /** Aborted by the first signal, with an error as its reason; the second one ends the process. */
  stopped: AbortSignal;
  close(): Promise<void>;
}

interface SessionOptions extends Pick<ServerOptions, 'port' | 'uiPort' | 'whileStarting'> {
  works?: boolean;
}

/** @param options fixed ports for an embedded server, what to do while it starts, and whether this process has a worker */
export async function openSession(
  context: CommandContext,
  { works = false, ...options }: SessionOptions = {},
): Promise<Session> {
  const { projectDir, env } = context.settings;
  const stop = new AbortController();
  const acquiring = acquireServer({
    projectDir,
    env,
    log: (message) => printNote(context, message),
    stopped: stop.signal,
    ...options,
  });
  const ignoreSignals = context.onInterrupt((signal) => {
    if (!stop.signal.aborted) return stop.abort(interruptedBy(signal));
    const leave = (): never => process.exit(SIGNAL_EXIT[signal]);
    setTimeout(leave, LIMITS.leaveMs);
    acquiring.then((server) => server.release()).then(leave, leave);
  });
  const server = await acquiring.catch((error: unknown) => {
    ignoreSignals();
    throw error;
  });
  const ownServer = server.kind === 'embedded';
  const project = await openProject(context.settings, { works, ownServer }).catch(async (error: unknown) => {
    await server.release();
    ignoreSignals();
    throw error;
  });
  let client: Client | undefined;
  return {
    server,
    project,
    get client() {
      return (client ??= connectClient(server, env));
    },
    stopped: stop.signal,
    async close() {
      await client?.connection.close();
      await server.release();
      ignoreSignals();
    },
  };
}

/** Whether there is a server that could know runs: a command that only looks starts none to find out. */
export function mayHaveRuns({ settings: { env, stateDir } }: CommandContext): boolean {
  return namesServer(env) || Number(env['FLEXETL_LOCAL_PORT']) > 0 || hasDatabase(stateDir);
}

/** @throws FlexetlError RUN_NOT_FOUND where no server could know a run */
export function assertMayHaveRuns(context: CommandContext): void {
  if (mayHaveRuns(context)) return;
  const { projectDir } = context.settings;
  throw new FlexetlError('RUN_NOT_FOUND', {
    message: 'There are no runs yet.',
    hint: isProject(projectDir) ? 'Start one with `flexetl run`.' : noProject(projectDir),
  });
}

/** Opens a session for the time of `work`; a signal ends the waiting for it. */
export async function withSession<T>(
  context: CommandContext,
  work: (session: Session) => Promise<T>,
  options: SessionOptions = {},
): Promise<T> {
  const session = await openSession(context, options);
  try {
    return await untilStopped(work(session), session.stopped);
  } finally {
    await session.close();
  }
}

/** The log as the pipeline file says; the console shows only warnings if there is a progress bar. */
export function openLog(context: CommandContext, logging?: PipelineConfig['monitoring']['logging']): Logger {
  const level = LEVELS[logging?.level ?? 'INFO'];
  const log = createLog({
    level,
    format: logging?.format ?? 'text',
    file: projectPath(context.settings.projectDir, logging?.output ?? 'logs/flexetl.log'),
    rotation: logging?.rotation ?? 'daily',
    console: context.stderr,
    consoleDetails: context.debug,
    consoleLevel: context.interactive && level !== 'error' ? 'warn' : level,
  });
  context.closers.push(() => closeLog(log));
  return log;
}

const LEVELS = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const;

/** Address of a workflow in the Web UI. */
export function webUiLink(uiUrl: string, namespace: string, workflowId: string, runId?: string): string {
  const workflow = `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
  return runId === undefined ? workflow : `${workflow}/${runId}`;
}
