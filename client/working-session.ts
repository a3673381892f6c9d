/** A command's use of the server when it starts a run: with a worker in this process, unless others do the work. */
import type { Client } from '@temporalio/client';
import type { RunHandle } from '../control/run-handle';
import type { Logger } from '../runtime/log';
import type { CommandContext } from './context';
import type { Followed } from './follow-run';
import { openSession, type Session } from './session';

export interface WorkingSession {
  session: Session;
  client: Client;
  /** This process has a worker. */
  works: boolean;
  follow(handle: RunHandle): Followed;
}

/** @param works whether this process gets a worker, until `work` has ended */
export async function withWorkingSession<T>(
  context: CommandContext,
  works: boolean,
  log: Logger,
  work: (opened: WorkingSession) => Promise<T>,
): Promise<T> {
  // Loading the worker takes as long as the server needs to start.
  const loadWorker = () => import('../worker/create-worker.js');
  const session = await openSession(context, {
    works,
    ...(works && { whileStarting: () => void loadWorker() }),
  });
  try {
    // The worker first: a workflow without a poller waits two seconds in the server's queue.
    const worker = works
      ? await (
          await loadWorker()
        ).startWorker(session.server, session.project, context.settings, log, { oneThread: true })
      : undefined;
    try {
      session.stopped.throwIfAborted();
      const client = worker?.client ?? session.client;
      const follow = (handle: RunHandle): Followed => ({ client, handle, log, workerDone: worker?.done });
      return await work({ session, client, works, follow });
    } finally {
      await worker?.stop();
    }
  } finally {
    await session.close();
    log.flush();
  }
}
