/** Work in a separate thread, which is started for it and ended with it. */
import { join } from 'node:path';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { FlexetlError, messageOf, type ErrorCode } from '../pipeline/errors';

type Answer<T> =
  | { done: T }
  | {
      failed: {
        code: ErrorCode | undefined;
        errno: string | undefined;
        message: string;
        hint: string | undefined;
      };
    };

// Started from source, as in tests, the thread must compile TypeScript as it loads it.
const FROM_SOURCE = __filename.endsWith('.ts');
const COMPILER = join(__dirname, '../tests/support/run-ts.js');

/**
 * Calls the function that the thread's file gives to `answerCall`.
 * @param file absolute path without the extension
 * @param input plain data
 * @throws what the function threw; or the reason of the signal, whose abort ends the thread at once
 */
export async function callThread<T>(file: string, input: unknown, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const worker = new Worker(file + (FROM_SOURCE ? '.ts' : '.js'), {
    workerData: input,
    execArgv: FROM_SOURCE ? ['--require', COMPILER] : [],
  });
  let abort = (): void => undefined;
  try {
    const answer = await new Promise<Answer<T>>((resolve, reject) => {
      abort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', abort);
      worker.on('message', resolve);
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('The thread ended without an answer.')));
    });
    if ('done' in answer) return answer.done;
    const { code, errno, message, hint } = answer.failed;
    if (code === undefined)
      throw Object.assign(new Error(message), errno === undefined ? {} : { code: errno });
    throw new FlexetlError(code, { message, hint });
  } finally {
    signal.removeEventListener('abort', abort);
    worker.removeAllListeners();
    // An error of a thread that nobody waits for any more would end the process.
    worker.on('error', () => undefined);
    await worker.terminate();
  }
}

/** In the thread: does the work it was started for. */
export function answerCall<I, T>(work: (input: I) => Promise<T>): void {
  work(workerData as I).then(
    (done) => parentPort?.postMessage({ done } satisfies Answer<T>),
    (error: unknown) => {
      const known = error instanceof FlexetlError ? error : undefined;
      const errno = (error as NodeJS.ErrnoException | undefined)?.code;
      const failed = { code: known?.code, errno, message: messageOf(error), hint: known?.hint };
      parentPort?.postMessage({ failed } satisfies Answer<T>);
    },
  );
}
