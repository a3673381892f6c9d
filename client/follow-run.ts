/** What `flexetl run` says and does from the start of a run to its end. */
import type { Client } from '@temporalio/client';
import { awaitEnd, awaitReport } from '../control/await-report';
import type { RunHandle } from '../control/run-handle';
import { watchRun } from '../control/watch-run';
import { watchTasks } from '../control/watch-tasks';
import { ERROR_CODES } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import type { Logger } from '../runtime/log';
import { findReport, reportPath } from '../runtime/report-file';
import { buildId } from '../worker/bundle';
import { untilStopped } from '../server/stop';
import { EXIT, type CommandContext } from './context';
import { errorLines, printJson, printLine, printNote, printReport } from './print';
import { createProgress } from './progress';
import type { startOrJoin } from './start-or-join';
import { webUiLink, type Session } from './session';

/** A run that this command waits for. */
export interface Followed {
  client: Client;
  handle: RunHandle;
  log: Logger;
  /** Rejects when the worker of this process fails. */
  workerDone: Promise<void> | undefined;
}

/** Says which run it is, for a command that does not wait for it. */
export function announce(
  context: CommandContext,
  { server }: Session,
  { handle, joined, runKey }: Awaited<ReturnType<typeof startOrJoin>>,
): number {
  const { workflowId } = handle;
  const link = server.uiUrl ? webUiLink(server.uiUrl, server.namespace, workflowId) : undefined;
  if (context.json)
    printJson(context, { workflow_id: workflowId, run_key: runKey, joined, ...(link && { web_ui: link }) });
  else printLine(context, `${joined ? 'Joined' : 'Started'} ${workflowId}.${link ? ` ${link}` : ''}`);
  if (server.kind === 'embedded') {
    printNote(
      context,
      'Unless `flexetl dev` is running, the server ends with this command; the run continues with the next one.',
    );
  }
  return EXIT.done;
}

/**
 * Shows progress until the run has ended, then its report. A signal cancels the run.
 * @param joined it was started by another command, or by hand
 * @param isReplay it goes on by another command than `flexetl retry`
 * @returns the exit code
 */
export async function followRun(
  context: CommandContext,
  session: Session,
  followed: Followed,
  joined: boolean,
  isReplay = false,
): Promise<number> {
  const ignoreStop = cancelOnStop(context, followed.handle, session);
  try {
    return await showReport(context, session, await watched(context, followed, awaitReport), {
      joined,
      isReplay,
    });
  } finally {
    ignoreStop();
  }
}

/** Shows progress until a run of others has ended, however it ends. A signal ends only the waiting. */
export async function waitForEnd(
  context: CommandContext,
  { stopped }: Session,
  followed: Followed,
): Promise<void> {
  await watched(context, followed, (handle) => untilStopped(awaitEnd(handle), stopped));
}

/** @throws FlexetlError BUILD_MISMATCH or INTERNAL when the workflow fails again and again */
async function watched<T>(
  context: CommandContext,
  { client, handle, log, workerDone }: Followed,
  wait: (handle: RunHandle) => Promise<T>,
): Promise<T> {
  const progress = createProgress(context, log);
  const stopWatch = watchRun(client, handle, (found) => progress.show(found));
  const tasks = watchTasks(client, handle, buildId());
  try {
    // Without these the command would wait for ever after its worker or the workflow has failed.
    return await Promise.race([wait(handle), failureOf(workerDone), tasks.failed]);
  } finally {
    progress.stop();
    await Promise.all([stopWatch(), tasks.stop()]);
  }
}

/** A signal, also one that came before, cancels the run. @returns a function that ends this */
function cancelOnStop(context: CommandContext, handle: RunHandle, { stopped }: Session): () => void {
  const cancel = (): void => {
    printNote(
      context,
      'Cancelling… (Ctrl-C again leaves at once; the next run then cleans up after this one)',
    );
    handle.cancel().catch(() => undefined);
  };
  if (stopped.aborted) cancel();
  else stopped.addEventListener('abort', cancel);
  return () => stopped.removeEventListener('abort', cancel);
}

function failureOf(done: Promise<void> | undefined): Promise<never> {
  return new Promise((_, reject) => {
    done?.catch(reject);
  });
}

async function showReport(
  context: CommandContext,
  { server }: Session,
  report: RunReport,
  { joined, isReplay }: { joined: boolean; isReplay: boolean },
): Promise<number> {
  if (context.json) printJson(context, { ...report, joined });
  else printReport(context, report, await findReportFile(context, report), whereInWebUi(server, report));
  for (const warning of report.warnings) printNote(context, `warning: ${warning}`);
  if (report.error) context.stderr.write(`${errorLines(report.error).join('\n')}\n`);
  const next = isReplay ? undefined : nextStep(report);
  if (next !== undefined) printNote(context, next);
  if (report.status === 'succeeded') return EXIT.done;
  if (report.status === 'cancelled') return EXIT.interrupted;
  if (report.status === 'partial') return EXIT.runFailed;
  return report.error ? ERROR_CODES[report.error.code].exit : EXIT.runFailed;
}

/** How to go on with a run that has staged what it read. */
function nextStep({ status, pipeline, error, targets }: RunReport): string | undefined {
  const missing = targets.flatMap((target) => (target.status === 'published' ? [] : [target.name]));
  const retry = `flexetl retry ${pipeline}`;
  if (status === 'partial')
    return `The other targets have their rows. To load only ${missing.join(', ')}, from what is staged: ${retry}`;
  const isStaged = status === 'failed' && (error?.step === 'load' || error?.step === 'publish');
  return isStaged ? `To go on from what is staged, without reading the source again: ${retry}` : undefined;
}

/**
 * Undefined if the file could not be written, is on another machine, that of the worker, or is of an earlier run with
 * the same key, which stays when that run has loaded the rows.
 */
async function findReportFile({ settings }: CommandContext, report: RunReport): Promise<string | undefined> {
  const found = await findReport(settings.projectDir, report);
  return found?.started_at === report.started_at ? reportPath(report.pipeline, report.run_key) : undefined;
}

function whereInWebUi({ kind, uiUrl, namespace, address }: Session['server'], report: RunReport): string {
  const link = (base: string): string => webUiLink(base, namespace, report.workflow_id);
  if (kind === 'embedded') return `flexetl dev, then ${link('http://localhost:8233')}`;
  return uiUrl ? link(uiUrl) : `workflow ${report.workflow_id}, namespace ${namespace}, on ${address}`;
}
