/** `flexetl worker` and `flexetl dev`: processes that work until they are interrupted. */
import { LIMITS } from '../pipeline/limits';
import { untilStopped } from '../server/stop';
import { startWorker } from '../worker/create-worker';
import { EXIT, type CommandContext } from './context';
import { printNote } from './print';
import { openLog, openSession, type Session } from './session';
import { wholeNumber } from './whole-number';

const PORT_MAX = 65_535;

export async function workerCommand(context: CommandContext): Promise<number> {
  return workUntilInterrupted(context, await openSession(context, { works: true }), (session) => [
    `Worker of task queue ${session.project.taskQueue} on ${session.server.address}, namespace ${session.server.namespace}. Ctrl-C ends it.`,
  ]);
}

export async function devCommand(
  context: CommandContext,
  options: { port: string; uiPort: string },
): Promise<number> {
  const ports = {
    port: wholeNumber('--port', options.port, PORT_MAX),
    uiPort: wholeNumber('--ui-port', options.uiPort, PORT_MAX),
  };
  return workUntilInterrupted(
    context,
    await openSession(context, { ...ports, works: true }),
    ({ server, project }) => [
      `Temporal server  ${server.address}`,
      `Web UI           ${server.uiUrl ?? ''}`,
      `Worker           task queue ${project.taskQueue}`,
      'Ctrl-C ends it.',
    ],
  );
}

async function workUntilInterrupted(
  context: CommandContext,
  session: Session,
  describe: (session: Session) => string[],
): Promise<number> {
  const log = openLog(context);
  try {
    const worker = await startWorker(session.server, session.project, context.settings, log);
    for (const line of describe(session)) printNote(context, line);
    await untilStopped(worker.done, session.stopped).catch((error: unknown) => {
      if (!session.stopped.aborted) throw error;
      printNote(context, `Stopping: running activities have ${LIMITS.shutdownGraceMs / 1000} s to end.`);
    });
    await worker.stop();
    return EXIT.done;
  } finally {
    await session.close();
  }
}
