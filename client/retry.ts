/** `flexetl retry`: a run that has failed, or has published only some of its targets, goes on where it was. */
import type { Written } from '../control/retry-run';
import { FlexetlError } from '../pipeline/errors';
import { readPipelineFile } from '../runtime/config-file';
import { EXIT, type CommandContext } from './context';
import { printJson, printLine } from './print';
import { assertMayHaveRuns, openLog } from './session';
import { withWorkingSession } from './working-session';

export interface RetryOptions {
  runKey?: string;
  detach?: boolean;
  acceptConfigChange?: boolean;
  /** False with --no-worker. */
  worker: boolean;
}

/** @param name of a pipeline, or a run key; absent: the only pipeline whose last run has failed */
export async function retryCommand(
  context: CommandContext,
  name: string | undefined,
  { runKey, detach = false, acceptConfigChange = false, worker }: RetryOptions,
): Promise<number> {
  assertMayHaveRuns(context);
  return withWorkingSession(
    context,
    worker && !detach,
    openLog(context),
    async ({ session, client, works, follow }) => {
      const { findRetry } = await import('../control/find-retry.js');
      const { retryRun } = await import('../control/retry-run.js');
      const { announce, followRun } = await import('./follow-run.js');
      const { name: project, staging, taskQueue } = session.project;
      const run = await findRetry(client, { project, name, runKey });
      const request = {
        project,
        staging,
        taskQueue,
        eager: works,
        written: await findWritten(context, run.pipeline),
        acceptConfigChange,
      };
      const result = await retryRun(client, request, run);
      if ('succeeded' in result) {
        if (context.json) printJson(context, { ...result.succeeded, joined: false });
        else
          printLine(
            context,
            `Run ${run.run_key} of ${run.pipeline} has succeeded: there is nothing to retry.`,
          );
        return EXIT.done;
      }
      const handle = result.started;
      if (detach) return announce(context, session, { handle, joined: false, runKey: run.run_key });
      return followRun(context, session, follow(handle), false);
    },
  );
}

/** The pipeline file as it is now; undefined where it is no longer, or stands elsewhere. */
async function findWritten({ settings }: CommandContext, name: string): Promise<Written | undefined> {
  try {
    return await readPipelineFile({ name }, settings.projectDir);
  } catch (error) {
    if (error instanceof FlexetlError) return undefined;
    throw error;
  }
}
