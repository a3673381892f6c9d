/** The thread of SQLite: does one job after the other, and answers each. */
import { parentPort } from 'node:worker_threads';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import type { PluginContext } from '../../plugin/context';
import { createPart } from '../../runtime/batches/part';
import { openSqlTarget } from '../sql/target';
import { sqliteDialect } from './dialect';
import type { Assignment, FromThread, Job } from './messages';

parentPort?.on('message', ({ job, port }: Assignment) => {
  const abort = new AbortController();
  const answer = (message: FromThread): void => port.postMessage(message);
  port.on('message', () => abort.abort());
  runJob(job, abort.signal, (progress) => answer({ progress })).then(
    (done) => answer({ done }),
    (error: unknown) => answer(failed(job, error)),
  );
});

function runJob(job: Job, signal: AbortSignal, progress: (share: number) => void): Promise<unknown> {
  const context = { ...job, signal, progress, ...ELSEWHERE };
  const target = openSqlTarget(sqliteDialect, job.options, context);
  const { call } = job;
  switch (call.method) {
    case 'check':
      return target.check(call.schema);
    case 'begin':
      return target.begin(call.key, call.anyRun);
    case 'load':
      return target.load(call.key, createPart(call.part, context));
    case 'publish':
      return target.publish(call.key, call.schema, call.rowsExpected, call.states);
    case 'state':
      return target.state(call.key);
    case 'discard':
      return target.discard(call.key);
  }
}

const refuse = (): never => {
  throw new FlexetlError('INTERNAL', { message: 'This is not available in the thread of SQLite.' });
};

/** What SQLite does not use. */
const ELSEWHERE: Pick<PluginContext, 'log' | 'secret' | 'shared' | 'turn'> = {
  log: { debug: refuse, info: refuse, warn: refuse },
  secret: refuse,
  turn: refuse,
  shared: { find: refuse, make: refuse, list: refuse, remove: refuse },
};

function failed({ options }: Job, error: unknown): FromThread {
  if (error instanceof FlexetlError)
    return { failed: { code: error.code, message: error.message, hint: error.hint } };
  return {
    failed: { code: 'INTERNAL', message: `${options.database}: ${messageOf(error)}`, hint: undefined },
  };
}
