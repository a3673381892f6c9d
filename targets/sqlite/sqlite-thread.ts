/** The thread that holds SQLite: does one job after the other, and answers each. */
import { parentPort } from 'node:worker_threads';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { createPart } from '../../runtime/batches/part';
import { check } from './check';
import { translateError, type Patience } from './database';
import { loadPart } from './load';
import type { Assignment, FromThread, Job, ToThread } from './messages';
import { discard, publish } from './publish';

parentPort?.on('message', ({ job, port }: Assignment) => {
  const abort = new AbortController();
  const answer = (message: FromThread): void => port.postMessage(message);
  port.on('message', (message: ToThread) => {
    if ('abort' in message) abort.abort();
  });
  runJob(job, abort.signal, (written) => answer({ written })).then(
    (done) => answer({ done }),
    (error: unknown) => answer(failed(job, error)),
  );
});

function runJob(
  job: Job,
  signal: AbortSignal,
  progress: (written: number) => void,
): Promise<{ rows: number }> {
  const patience: Patience = { busyMs: LIMITS.sqliteLoadBusyMs, signal };
  switch (job.task) {
    case 'check':
      return check(job, { ...patience, busyMs: LIMITS.sqliteCheckBusyMs });
    case 'load':
      return loadPart(job, patience, createPart(job.part, { scratchDir: job.scratchDir, signal }), progress);
    case 'publish':
      return publish(job, patience);
    case 'discard':
      return discard(job, patience);
  }
}

function failed(job: Job, error: unknown): FromThread {
  const known = translateError(error, job.shownFile);
  if (known instanceof FlexetlError) {
    return { failed: { code: known.code, message: known.message, hint: known.hint } };
  }
  const message = `${job.shownFile}: ${messageOf(error)}`;
  return { failed: { code: 'INTERNAL', message, hint: undefined } };
}
