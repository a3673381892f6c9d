/** The thread that holds SQLite: it does the one job it was started for, answers, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { check } from './check';
import { translateError, type Patience } from './database';
import { loadPart } from './load';
import type { FromThread, Job, PackedBatch, ToThread } from './messages';
import { discard, publish } from './publish';

const job = workerData as Job;
const abort = new AbortController();
const mailbox = createMailbox();

parentPort?.on('message', (message: ToThread) => {
  if ('abort' in message) abort.abort();
  mailbox.put(message);
});

function runJob(): Promise<{ rows: number }> {
  const patience: Patience = { busyMs: LIMITS.sqliteLoadBusyMs, signal: abort.signal };
  switch (job.task) {
    case 'check':
      return check(job, { ...patience, busyMs: LIMITS.sqliteCheckBusyMs });
    case 'load':
      return loadPart(job, patience, batches(), (written) => answer({ written }));
    case 'publish':
      return publish(job, patience);
    case 'discard':
      return discard(job, patience);
  }
}

async function* batches(): AsyncGenerator<PackedBatch, undefined> {
  for (;;) {
    const message = await mailbox.take();
    if ('abort' in message) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
    if ('end' in message) return undefined;
    yield message.batch;
  }
}

/** Messages in order, for one reader. */
function createMailbox() {
  const waiting: ToThread[] = [];
  let wake: (() => void) | undefined;
  return {
    put(message: ToThread): void {
      waiting.push(message);
      wake?.();
    },
    async take(): Promise<ToThread> {
      for (;;) {
        // A cancellation does not stand in line.
        if (abort.signal.aborted) return { abort: true };
        const message = waiting.shift();
        if (message) return message;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

function answer(message: FromThread): void {
  parentPort?.postMessage(message);
}

function failed(error: unknown): FromThread {
  const known = translateError(error, job.shownFile);
  if (known instanceof FlexetlError) {
    return { failed: { code: known.code, message: known.message, hint: known.hint } };
  }
  const message = `${job.shownFile}: ${messageOf(error)}`;
  return { failed: { code: 'INTERNAL', message, hint: undefined } };
}

runJob()
  .then(
    (done) => answer({ done }),
    (error: unknown) => answer(failed(error)),
  )
  .finally(() => parentPort?.close());
