/** The thread that holds SQLite: does one job after the other, and answers each. */
import { parentPort } from 'node:worker_threads';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { check } from './check';
import { translateError, type Patience } from './database';
import { loadPart } from './load';
import type { Assignment, FromThread, Job, PackedBatch, ToThread } from './messages';
import { discard, publish } from './publish';

parentPort?.on('message', ({ job, port }: Assignment) => {
  const abort = new AbortController();
  const mailbox = createMailbox(abort.signal);
  const answer = (message: FromThread): void => port.postMessage(message);
  port.on('message', (message: ToThread) => {
    if ('abort' in message) abort.abort();
    mailbox.put(message);
  });
  runJob(job, abort.signal, mailbox, (written) => answer({ written })).then(
    (done) => answer({ done }),
    (error: unknown) => answer(failed(job, error)),
  );
});

function runJob(
  job: Job,
  signal: AbortSignal,
  mailbox: Mailbox,
  progress: (written: number) => void,
): Promise<{ rows: number }> {
  const patience: Patience = { busyMs: LIMITS.sqliteLoadBusyMs, signal };
  switch (job.task) {
    case 'check':
      return check(job, { ...patience, busyMs: LIMITS.sqliteCheckBusyMs });
    case 'load':
      return loadPart(job, patience, readBatches(mailbox), progress);
    case 'publish':
      return publish(job, patience);
    case 'discard':
      return discard(job, patience);
  }
}

async function* readBatches(mailbox: Mailbox): AsyncGenerator<PackedBatch, undefined> {
  for (;;) {
    const message = await mailbox.take();
    if ('abort' in message) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
    if ('end' in message) return undefined;
    yield message.batch;
  }
}

interface Mailbox {
  put(message: ToThread): void;
  take(): Promise<ToThread>;
}

/** Messages in order, for one reader. */
function createMailbox(signal: AbortSignal): Mailbox {
  const waiting: ToThread[] = [];
  let wake: (() => void) | undefined;
  return {
    put(message) {
      waiting.push(message);
      wake?.();
    },
    async take() {
      for (;;) {
        // A cancellation does not stand in line.
        if (signal.aborted) return { abort: true };
        const message = waiting.shift();
        if (message) return message;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

function failed(job: Job, error: unknown): FromThread {
  const known = translateError(error, job.shownFile);
  if (known instanceof FlexetlError) {
    return { failed: { code: known.code, message: known.message, hint: known.hint } };
  }
  const message = `${job.shownFile}: ${messageOf(error)}`;
  return { failed: { code: 'INTERNAL', message, hint: undefined } };
}
