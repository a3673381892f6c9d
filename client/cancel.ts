/** `flexetl cancel`: ends the open run of a pipeline; nothing of it is published. */
import { awaitReport } from '../control/await-report';
import { cancelRun } from '../control/cancel-run';
import { startWorker } from '../worker/create-worker';
import { EXIT, type CommandContext } from './context';
import { printJson, printLine } from './print';
import { openLog, withSession, type Session } from './session';

export async function cancelCommand(context: CommandContext, name: string): Promise<number> {
  const work = async ({ server, project, client }: Session): Promise<number> => {
    const handle = await cancelRun(client, { project: project.name, pipeline: name });
    // With an embedded server there may be no other worker to clean up after the run.
    const worker = await startWorker(server, project, context.settings, openLog(context));
    try {
      const report = await awaitReport(handle);
      if (context.json) printJson(context, report);
      else printLine(context, `${name}: run ${report.run_key} ${report.status}.`);
      return EXIT.done;
    } finally {
      await worker.stop();
    }
  };
  return withSession(context, work, { works: true });
}
