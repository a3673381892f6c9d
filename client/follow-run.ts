/** What `flexetl run` says and does from the start of a run to its end. */
import { existsSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { awaitReport } from '../control/await-report';
import { joinRun, type OpenRun } from '../control/join-run';
import type { RunHandle } from '../control/run-handle';
import { startRun, type StartRequest } from '../control/start-run';
import { watchRun } from '../control/watch-run';
import { ERROR_CODES } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import type { Logger } from '../runtime/log';
import { reportPath } from '../runtime/report-file';
import { projectPath } from '../runtime/settings';
import { EXIT, type CommandContext } from './context';
import { errorLines, printJson, printLine, printNote, printReport } from './print';
import { createProgress } from './progress';
import { webUiLink, type Session } from './session';

/**
 * Starts the run; when a run of the pipeline is open, that one is joined instead.
 * @param detach do not wait until a cancelled run is cleaned up
 */
export async function startOrJoin(
  context: CommandContext,
  client: Client,
  request: StartRequest,
  detach: boolean,
): Promise<RunHandle> {
  for (;;) {
    const result = await startRun(client, request);
    if ('started' in result) return result.started;
    const { open } = result;
    const key = open.runKey === undefined ? 'a run' : `run ${open.runKey}`;
    if (!open.cancelRequested || detach) {
      printNote(context, `Resuming ${key}, open since ${open.startedAt.toISOString()}.`);
      noteChange(context, open, request);
      return joinRun(client, open);
    }
    printNote(context, `Cleaning up cancelled ${key} first.`);
    await joinRun(client, open)
      .result()
      .catch(() => undefined);
  }
}

function noteChange(context: CommandContext, open: OpenRun, { input }: StartRequest): void {
  if (open.textDigest === undefined || open.textDigest === input.text_digest) return;
  printNote(
    context,
    `The pipeline file has changed since; this run uses the file with which it was started. To use the new one: flexetl cancel ${open.pipeline}, then run again.`,
  );
}

/** Says that the run was started, for a command that does not wait for it. */
export function announce(context: CommandContext, { server }: Session, { workflowId }: RunHandle): number {
  const link = server.uiUrl ? webUiLink(server.uiUrl, server.namespace, workflowId) : undefined;
  if (context.json) printJson(context, { workflow_id: workflowId, ...(link && { web_ui: link }) });
  else printLine(context, `Started ${workflowId}.${link ? ` ${link}` : ''}`);
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
 * @param workerDone rejects when the worker of this process fails
 * @returns the exit code
 */
export async function followRun(
  context: CommandContext,
  session: Session,
  { client, handle, log }: { client: Client; handle: RunHandle; log: Logger },
  workerDone: Promise<void> | undefined,
): Promise<number> {
  const stopInterrupt = cancelOnStop(context, handle, session);
  const progress = createProgress(context, log);
  const stopWatch = watchRun(client, handle, (found) => progress.show(found));
  const stopProgress = (): Promise<void> => {
    progress.stop();
    return stopWatch();
  };
  try {
    // Without this the command would wait for ever after its worker has failed.
    const report = await Promise.race([awaitReport(handle), failureOf(workerDone)]);
    await stopProgress();
    return showReport(context, session, report);
  } finally {
    await stopProgress();
    stopInterrupt();
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

function showReport(context: CommandContext, { server }: Session, report: RunReport): number {
  if (context.json) printJson(context, report);
  else printReport(context, report, findReportFile(context, report), whereInWebUi(server, report));
  for (const warning of report.warnings) printNote(context, `warning: ${warning}`);
  if (report.error) context.stderr.write(`${errorLines(report.error).join('\n')}\n`);
  if (report.status === 'succeeded') return EXIT.done;
  if (report.status === 'cancelled') return EXIT.interrupted;
  return report.error ? ERROR_CODES[report.error.code].exit : EXIT.runFailed;
}

/** Undefined if the file could not be written, or is on another machine, that of the worker. */
function findReportFile(context: CommandContext, report: RunReport): string | undefined {
  const path = reportPath(report.pipeline, report.run_key);
  return existsSync(projectPath(context.settings.projectDir, path)) ? path : undefined;
}

function whereInWebUi({ kind, uiUrl, namespace, address }: Session['server'], report: RunReport): string {
  const link = (base: string): string => webUiLink(base, namespace, report.workflow_id);
  if (kind === 'embedded') return `flexetl dev, then ${link('http://localhost:8233')}`;
  return uiUrl ? link(uiUrl) : `workflow ${report.workflow_id}, namespace ${namespace}, on ${address}`;
}
