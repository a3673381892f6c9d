/** The plugin's side of the thread that holds SQLite: starts it, feeds it, waits for it, ends it. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RecordBatch } from 'apache-arrow';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { Tools } from '../../pipeline/plugin';
import type { FromThread, Job, ToThread } from './messages';
import { packBatch, transferList } from './pack';

/** Together under a second: what a cancelled thread has to roll back and answer, then to end by itself. */
const ABORT_WAIT_MS = 500;
const END_WAIT_MS = 400;

/**
 * Does a job in a thread of its own, so that neither SQLite nor its waits hold up the event loop.
 * @param batches rows of a load; at most `LIMITS.batchesInFlightMax` of them are on their way
 * @param entry the thread's file
 * @throws FlexetlError what the job throws; CANCELLED within a second of `tools.signal`; INTERNAL when the
 *   thread ends without an answer
 */
export async function runInThread(
  job: Job,
  tools: Tools,
  batches?: AsyncIterable<RecordBatch>,
  entry = THREAD,
): Promise<{ rows: number }> {
  if (tools.signal.aborted) throw cancelled();
  const thread = createThread(job, entry, (rows) => tools.progress(rows));
  const cancellation = watch(tools.signal, () => thread.send({ abort: true }));
  try {
    if (batches && job.task === 'load')
      await Promise.race([feed(thread, job, batches), cancellation.overdue]);
    return await Promise.race([thread.answer, cancellation.overdue]);
  } catch (error) {
    thread.send({ abort: true });
    throw error;
  } finally {
    cancellation.stop();
    await thread.end();
  }
}

/** Calls `abort` when the signal does; a thread that is deep inside SQLite then may not answer in time. */
function watch(signal: AbortSignal, abort: () => void): { overdue: Promise<never>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let listener = (): void => undefined;
  const overdue = new Promise<never>((_, reject) => {
    listener = () => {
      abort();
      timer = setTimeout(() => reject(cancelled()), ABORT_WAIT_MS);
    };
    signal.addEventListener('abort', listener);
  });
  return {
    overdue,
    stop() {
      signal.removeEventListener('abort', listener);
      clearTimeout(timer);
    },
  };
}

interface Thread {
  send(message: ToThread, transfer?: ArrayBuffer[]): void;
  answer: Promise<{ rows: number }>;
  answered(): boolean;
  /** Resolves when another batch may be sent, or the thread has answered. */
  ready(): Promise<void>;
  /** Resolves when the thread is gone, or is certain to go. */
  end(): Promise<void>;
}

async function feed(
  thread: Thread,
  job: Extract<Job, { task: 'load' }>,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  for await (const batch of batches) {
    await thread.ready();
    // The part was there already, or could not be written: no more rows are needed.
    if (thread.answered()) return;
    const packed = packBatch(batch, job.schema);
    thread.send({ batch: packed }, transferList(packed));
  }
  thread.send({ end: true });
}

// Run from source, as tests do, the thread has TypeScript to compile as it loads.
const FROM_SOURCE = __filename.endsWith('.ts');
const THREAD = join(__dirname, FROM_SOURCE ? 'thread.ts' : 'thread.js');
const COMPILER = join(__dirname, '../../tests/support/run-ts.js');

function createThread(job: Job, entry: string, progress: (rows: number) => void): Thread {
  const execArgv = FROM_SOURCE ? ['--require', COMPILER] : [];
  const worker = new Worker(entry, { workerData: job, execArgv });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let inFlight = 0;
  let written = 0;
  let answered = false;
  let wake = (): void => undefined;
  const answer = new Promise<{ rows: number }>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if ('written' in message) {
        inFlight -= 1;
        written += message.written;
        progress(written);
      } else {
        answered = true;
        if ('done' in message) resolve(message.done);
        else reject(toError(message.failed));
      }
      wake();
    });
    worker.on('error', (error) => reject(crashed(job, messageOf(error), error)));
    worker.on('exit', () => {
      answered = true;
      reject(crashed(job, 'it ended without an answer'));
      wake();
    });
  });
  // Whoever awaits it sees the error; a job that fails first elsewhere must not be an unhandled rejection.
  answer.catch(() => undefined);
  return {
    answer,
    answered: () => answered,
    send(message, transfer = []) {
      if ('batch' in message) inFlight += 1;
      worker.postMessage(message, transfer);
    },
    async ready() {
      while (inFlight >= LIMITS.batchesInFlightMax && !answered) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async end() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, END_WAIT_MS)));
      await Promise.race([exited, late]);
      clearTimeout(timer);
      void worker.terminate();
    },
  };
}

function toError({ code, message, hint }: Extract<FromThread, { failed: unknown }>['failed']): FlexetlError {
  return new FlexetlError(code, hint === undefined ? { message } : { message, hint });
}

function crashed(job: Job, found: string, cause?: unknown): FlexetlError {
  return new FlexetlError('INTERNAL', {
    message: `The thread that writes ${job.shownFile} failed: ${found}.`,
    cause,
  });
}

function cancelled(): FlexetlError {
  return new FlexetlError('CANCELLED', { message: 'Cancelled.' });
}
