/** The target's side of the thread of SQLite: finds or starts it, waits for it, releases it. */
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { LoadAnswer, OpenTarget, Published, SavedState } from '../../plugin/target';
import type { SqliteOptions } from './dialect';
import type { Assignment, Call, FromThread, Job, ToThread } from './messages';

/** Every call of the target is a job of a thread. */
export function openInThread(options: SqliteOptions, context: PluginContext): OpenTarget {
  const { projectDir, scratchDir } = context;
  const call = <T>(one: Call): Promise<T> =>
    runInThread<T>({ options, projectDir, scratchDir, call: one }, context);
  return {
    check: (schema) => call({ method: 'check', schema }),
    begin: (key, anyRun) => call<LoadAnswer>({ method: 'begin', key, anyRun }),
    load: (key, { batches: _, ...part }) => call<{ rows: number }>({ method: 'load', key, part }),
    publish: (key, schema, rowsExpected, states) =>
      call<Published>({ method: 'publish', key, schema, rowsExpected, states }),
    state: (key) => call<SavedState | undefined>({ method: 'state', key }),
    discard: (key) => call({ method: 'discard', key }),
  };
}

/** Together under a second: the time of a cancelled thread to roll back and answer, and the time to end after that. */
const ABORT_WAIT_MS = 500;
const END_WAIT_MS = 400;

/**
 * Does a job in a thread that has no other one, so that SQLite and its waits do not block the event loop.
 * @param entry the thread's file
 * @throws FlexetlError what the job throws; CANCELLED within a second of `context.signal`; INTERNAL when the
 *   thread ends without an answer
 */
export async function runInThread<T>(
  job: Job,
  context: Pick<PluginContext, 'signal' | 'progress'>,
  entry = THREAD,
): Promise<T> {
  if (context.signal.aborted) throw cancelled();
  const thread = createThread(job, entry, context.progress);
  const cancellation = watch(context.signal, () => thread.send({ abort: true }));
  try {
    return (await Promise.race([thread.answer, cancellation.overdue])) as T;
  } catch (error) {
    thread.send({ abort: true });
    throw error;
  } finally {
    cancellation.stop();
    await thread.end();
  }
}

/** Calls `abort` when the signal does; a thread inside a call of SQLite may not answer in time. */
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
  send(message: ToThread): void;
  answer: Promise<unknown>;
  /** Resolves when the thread is free for another job, or is being ended. */
  end(): Promise<void>;
}

function createThread(job: Job, entry: string, progress: (share: number) => void): Thread {
  const { worker } = takeWorker(entry);
  // Each job has its own channel, so that messages of one job do not reach the next.
  const { port1: port, port2 } = new MessageChannel();
  worker.postMessage({ job, port: port2 } satisfies Assignment, [port2]);
  let state: 'working' | 'answered' | 'ended' = 'working';
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const answer = new Promise<unknown>((resolve, reject) => {
    port.on('message', (message: FromThread) => {
      if ('progress' in message) {
        progress(message.progress);
      } else {
        state = 'answered';
        if ('done' in message) resolve(message.done);
        else reject(toError(message.failed));
        end();
      }
    });
    worker.on('error', (error) => reject(crashed(job, messageOf(error), error)));
    worker.on('exit', () => {
      state = 'ended';
      reject(crashed(job, 'it ended without an answer'));
      end();
    });
  });
  // The caller that awaits it sees the error; a job that fails before that must not be an unhandled rejection.
  answer.catch(() => undefined);
  return {
    answer,
    send: (message) => port.postMessage(message),
    async end() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, END_WAIT_MS)));
      await Promise.race([ended, late]);
      clearTimeout(timer);
      port.close();
      if (state === 'answered') keepWorker({ worker, entry });
      else void worker.terminate();
    },
  };
}

interface IdleWorker {
  worker: Worker;
  entry: string;
}

/** Threads without a job, kept for a while: starting one takes 50 ms, as long as many jobs. */
const idle = new Set<IdleWorker>();

// In tests, which run the source files, the thread must compile TypeScript.
const FROM_SOURCE = __filename.endsWith('.ts');
const THREAD = join(__dirname, FROM_SOURCE ? 'sqlite-thread.ts' : 'sqlite-thread.js');
const COMPILER = join(__dirname, '../../tests/support/run-ts.js');

function takeWorker(entry: string): IdleWorker {
  for (const kept of idle) {
    if (kept.entry !== entry) continue;
    idle.delete(kept);
    kept.worker.removeAllListeners();
    kept.worker.ref();
    return kept;
  }
  return { entry, worker: new Worker(entry, { execArgv: FROM_SOURCE ? ['--require', COMPILER] : [] }) };
}

/** Does not keep the process from ending. */
function keepWorker(kept: IdleWorker): void {
  const { worker } = kept;
  idle.add(kept);
  worker.removeAllListeners();
  worker.unref();
  const timer = setTimeout(() => {
    if (idle.delete(kept)) void worker.terminate();
  }, LIMITS.threadIdleMs).unref();
  worker.on('error', () => undefined);
  worker.on('exit', () => {
    clearTimeout(timer);
    idle.delete(kept);
  });
}

function toError({ code, message, hint }: Extract<FromThread, { failed: unknown }>['failed']): FlexetlError {
  return new FlexetlError(code, hint === undefined ? { message } : { message, hint });
}

function crashed(job: Job, found: string, cause?: unknown): FlexetlError {
  return new FlexetlError('INTERNAL', {
    message: `The thread that writes ${job.options.database} failed: ${found}.`,
    cause,
  });
}

function cancelled(): FlexetlError {
  return new FlexetlError('CANCELLED', { message: 'Cancelled.' });
}
