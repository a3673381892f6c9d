/** `flexetl run`: starts the workflow, or joins the run that is open; works, watches, reports. */
import { existsSync } from 'node:fs';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { RunReport } from '../pipeline/report';
import { digestConfig } from '../pipeline/config/parse';
import type { PipelineConfig } from '../pipeline/config/schema';
import { ERROR_CODES, FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { reportPath } from '../runtime/report-file';
import { projectPath } from '../runtime/settings';
import { assertSmall } from '../pipeline/payload';
import { workflowIdOf, type PipelineInput } from '../workflows/messages';
import type { pipeline } from '../workflows/pipeline';
import { EXIT, type CommandContext } from './context';
import { loadPipeline, type PipelineOptions } from './load-pipeline';
import { errorLines, printJson, printLine, printNote, printReport } from './print';
import { openLog, openSession, webUiLink, type Session } from './session';

export interface RunOptions extends PipelineOptions {
  runKey?: string;
  detach?: boolean;
  /** False with --no-worker. */
  worker: boolean;
}

type RunHandle = WorkflowHandle<typeof pipeline>;

export async function runCommand(
  context: CommandContext,
  name: string | undefined,
  options: RunOptions,
): Promise<number> {
  assertRunKey(options.runKey);
  const config = await loadPipeline(context, name, options);
  const log = openLog(context, config.monitoring.logging);
  // Loading the worker takes as long as the server needs to start.
  const loadWorker = () => import('../worker/create-worker.js');
  const session = await openSession(
    context,
    options.worker ? { whileStarting: () => void loadWorker() } : {},
  );
  try {
    const [{ watchProgress }, { resultOf }] = await Promise.all([
      import('./progress.js'),
      import('./result.js'),
    ]);
    // The worker first: a workflow that finds no poller waits two seconds in the server's queue.
    const worker = works(options)
      ? await (await loadWorker()).startWorker(session.server, context.settings, log, { oneThread: true })
      : undefined;
    try {
      const client = worker?.client ?? session.client;
      const handle = await startRun(context, client, config, options);
      if (options.detach) return announce(context, session, handle);
      const stopInterrupt = context.onInterrupt(createInterrupt(context, handle, session));
      const stopProgress = watchProgress(context, client, handle, log);
      try {
        // A worker that fails would leave the command waiting for ever.
        const report = await Promise.race([resultOf(handle), failureOfWorker(worker?.done)]);
        await stopProgress();
        return show(context, session, report);
      } finally {
        await stopProgress();
        stopInterrupt();
      }
    } finally {
      await worker?.stop();
    }
  } finally {
    await session.close();
    log.flush();
  }
}

/** Whether this process does the work of the run. */
function works({ worker, detach }: RunOptions): boolean {
  return worker && !detach;
}

/** @throws FlexetlError USAGE */
function assertRunKey(key: string | undefined): void {
  if (key === undefined || RUN_KEY.test(key)) return;
  throw new FlexetlError('USAGE', {
    message: `--run-key is ${JSON.stringify(key)}.`,
    hint: 'Give 1 to 200 printable characters, as in 2026-11-23.',
  });
}

const RUN_KEY = /^[\p{L}\p{N}\p{P}\p{S} ]{1,200}$/u;

/** Starts the workflow; when a run of the pipeline is open, that one is joined instead. */
async function startRun(
  context: CommandContext,
  client: Client,
  config: PipelineConfig,
  options: RunOptions,
): Promise<RunHandle> {
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const workflowId = workflowIdOf(config.name);
  const digest = digestConfig(config);
  const input: PipelineInput = {
    name: config.name,
    config,
    config_digest: digest,
    ...(options.runKey !== undefined && { run_key: options.runKey }),
  };
  assertSmall('the pipeline file', input);
  try {
    return await client.workflow.start<typeof pipeline>('pipeline', {
      workflowId,
      taskQueue: context.settings.taskQueue,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      workflowTaskTimeout: LIMITS.workflowTaskTimeoutMs,
      // The answer brings the first task to the worker of this process.
      requestEagerStart: works(options),
      staticSummary: `${config.source.type} → ${config.targets.map((target) => target.type).join(', ')}`,
      memo: { config_digest: digest, ...(options.runKey !== undefined && { run_key: options.runKey }) },
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const open = await joinRun(context, client, workflowId, digest, options);
    return open ?? startRun(context, client, config, options);
  }
}

/** @returns undefined when the open run was being cancelled, and has ended now */
async function joinRun(
  context: CommandContext,
  client: Client,
  workflowId: string,
  digest: string,
  { detach }: RunOptions,
): Promise<RunHandle | undefined> {
  const handle = client.workflow.getHandle<typeof pipeline>(workflowId);
  const { startTime, memo, runId, raw } = await handle.describe();
  const key = typeof memo?.['run_key'] === 'string' ? `run ${memo['run_key']}` : 'a run';
  if (raw.workflowExtendedInfo?.cancelRequested && !detach) {
    printNote(context, `Ending ${key} first, which was cancelled and had no time to clean up.`);
    const cancelled = client.workflow.getHandle<typeof pipeline>(workflowId, runId);
    await cancelled.result().catch(() => undefined);
    return undefined;
  }
  printNote(context, `Going on with ${key}, open since ${startTime.toISOString()}.`);
  const opened = memo?.['config_digest'];
  if (typeof opened === 'string' && opened !== digest) {
    printNote(
      context,
      `The pipeline file has changed since; this run keeps the one it started with. To use the new one: flexetl cancel ${workflowId.replace('flexetl/', '')}, then run again.`,
    );
  }
  return client.workflow.getHandle<typeof pipeline>(workflowId, runId, { followRuns: true });
}

function announce(context: CommandContext, session: Session, handle: RunHandle): number {
  const { server } = session;
  const link = server.uiUrl ? webUiLink(server.uiUrl, server.namespace, handle.workflowId) : undefined;
  if (context.json) printJson(context, { workflow_id: handle.workflowId, ...(link && { web_ui: link }) });
  else printLine(context, `Started ${handle.workflowId}.${link ? ` ${link}` : ''}`);
  if (server.kind === 'embedded') {
    printNote(
      context,
      'Unless `flexetl dev` is running, the server ends with this command; the run goes on with the next one.',
    );
  }
  return EXIT.done;
}

/** First Ctrl-C: cancels the run and waits for it. Second: leaves at once; the run stays open, its cancellation too. */
function createInterrupt(context: CommandContext, handle: RunHandle, session: Session): () => void {
  let presses = 0;
  return () => {
    presses += 1;
    if (presses === 1) {
      printNote(
        context,
        'Cancelling… (Ctrl-C again leaves at once; the next run then cleans up after this one)',
      );
      handle.cancel().catch(() => undefined);
      return;
    }
    const leave = (): never => process.exit(EXIT.interrupted);
    setTimeout(leave, LIMITS.leaveMs);
    session.server.release().then(leave, leave);
  };
}

function failureOfWorker(done: Promise<void> | undefined): Promise<never> {
  return new Promise((_, reject) => {
    done?.catch(reject);
  });
}

function show(context: CommandContext, session: Session, report: RunReport): number {
  const { server } = session;
  if (context.json) printJson(context, report);
  else printReport(context, report, findReport(context, report), whereInWebUi(server, report));
  if (report.error) context.stderr.write(`${errorLines(report.error).join('\n')}\n`);
  if (report.status === 'succeeded') return EXIT.done;
  return report.status === 'cancelled' ? EXIT.interrupted : exitOf(report);
}

/** Undefined where the file could not be written, or lies on the machine of the worker. */
function findReport(context: CommandContext, report: RunReport): string | undefined {
  const path = reportPath(report.pipeline, report.run_key);
  return existsSync(projectPath(context.settings.projectDir, path)) ? path : undefined;
}

function whereInWebUi({ kind, uiUrl, namespace, address }: Session['server'], report: RunReport): string {
  const link = (base: string): string => webUiLink(base, namespace, report.workflow_id);
  if (kind === 'embedded') return `flexetl dev, then ${link('http://localhost:8233')}`;
  return uiUrl ? link(uiUrl) : `workflow ${report.workflow_id}, namespace ${namespace}, on ${address}`;
}

function exitOf(report: RunReport): number {
  return report.error ? ERROR_CODES[report.error.code].exit : EXIT.runFailed;
}
