/** `flexetl cancel`: ends the open run of a pipeline; nothing of it is published. */
import { awaitReport } from '../control/await-report';
import { cancelRun } from '../control/cancel-run';
import type { RunHandle } from '../control/run-handle';
import { watchTasks } from '../control/watch-tasks';
import { FlexetlError } from '../pipeline/errors';
import { buildId } from '../worker/bundle';
import { startWorker } from '../worker/create-worker';
import { EXIT, type CommandContext } from './context';
import { printJson, printLine, printNote } from './print';
import { assertMayHaveRuns, openLog, withSession, type Session } from './session';

export async function cancelCommand(context: CommandContext, name: string): Promise<number> {
  assertMayHaveRuns(context);
  const work = async ({ server, project, client }: Session): Promise<number> => {
    const handle = await cancelRun(client, { project: project.name, pipeline: name });
    // With an embedded server there may be no other worker to clean up after the run.
    const worker = await startWorker(server, project, context.settings, openLog(context));
    const tasks = watchTasks(client, handle, buildId());
    try {
      const ended = await Promise.race([
        awaitReport(handle),
        tasks.failed.catch((error: FlexetlError) => error),
      ]);
      if (ended instanceof FlexetlError) await terminate(context, handle, ended);
      else if (context.json) printJson(context, ended);
      else printLine(context, `${name}: run ${ended.run_key} ${ended.status}.`);
      return EXIT.done;
    } finally {
      await tasks.stop();
      await worker.stop();
    }
  };
  return withSession(context, work, { works: true });
}

/** Ends a run that no worker can continue: it cannot clean up either. */
async function terminate(context: CommandContext, handle: RunHandle, why: FlexetlError): Promise<void> {
  await handle.terminate(`flexetl cancel: ${why.code}`);
  const { workflowId } = handle;
  if (context.json) printJson(context, { workflow_id: workflowId, status: 'terminated', error: why.code });
  else printLine(context, `${workflowId}: terminated. ${why.message}`);
  printNote(context, 'It could not clean up: the next run of the pipeline does.');
}
