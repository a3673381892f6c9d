/** `flexetl cancel`: ends the open run of a pipeline; nothing of it is published. */
import { WorkflowNotFoundError } from '@temporalio/client';
import { FlexetlError } from '../pipeline/errors';
import { startWorker } from '../worker/create-worker';
import { workflowIdOf } from '../workflows/messages';
import type { pipeline } from '../workflows/pipeline';
import { EXIT, type CommandContext } from './context';
import { printJson, printLine } from './print';
import { resultOf } from './result';
import { openLog, withSession } from './session';

export async function cancelCommand(context: CommandContext, name: string): Promise<number> {
  return withSession(context, async ({ server, client }) => {
    const handle = client.workflow.getHandle<typeof pipeline>(workflowIdOf(name));
    const description = await handle.describe().catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
    if (description?.status.name !== 'RUNNING') {
      throw new FlexetlError('RUN_NOT_FOUND', {
        message: `No run of ${name} is open.`,
        hint: 'See `flexetl status`.',
      });
    }
    await handle.cancel();
    // With an embedded server there may be no other worker to clean up after the run.
    const worker = await startWorker(server, context.settings, openLog(context));
    try {
      const report = await resultOf(
        client.workflow.getHandle<typeof pipeline>(handle.workflowId, description.runId),
      );
      if (context.json) printJson(context, report);
      else printLine(context, `${name}: run ${report.run_key} ${report.status}.`);
      return EXIT.done;
    } finally {
      await worker.stop();
    }
  });
}
