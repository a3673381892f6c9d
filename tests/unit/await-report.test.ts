/** The report of a cancelled run, of a worker that leaves at that moment: a fault that cannot be had on purpose. */
import { CancelledFailure, ServiceError, WorkflowFailedError } from '@temporalio/client';
import { awaitReport } from '../../control/await-report';
import type { RunHandle } from '../../control/run-handle';
import { LIMITS } from '../../pipeline/limits';
import type { RunReport } from '../../pipeline/report';

const report = { pipeline: 'sales', run_key: 'k', status: 'cancelled' } as RunReport;

/** An error as the client has it. @param code of gRPC */
function failed(code: number): ServiceError {
  const cause = Object.assign(new Error('refused'), { code, details: '', metadata: {} });
  return new ServiceError('Failed to query Workflow', { cause });
}

/** A cancelled run. @param answers of its queries, in order */
function cancelled(...answers: (RunReport | Error)[]): { handle: RunHandle; asked: () => number } {
  const left = [...answers];
  const result = () =>
    Promise.reject(
      new WorkflowFailedError('failed', new CancelledFailure('cancelled'), 'NON_RETRYABLE_FAILURE' as never),
    );
  const query = () => {
    const answer = left.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const client = { withDeadline: (_deadline: number, ask: () => unknown) => ask() };
  return {
    handle: { result, query, client } as unknown as RunHandle,
    asked: () => answers.length - left.length,
  };
}

describe('the report of a cancelled run', () => {
  it('is asked for again where a worker has not answered in time', async () => {
    const { handle, asked } = cancelled(failed(4), failed(4), report);
    expect(await awaitReport(handle)).toEqual(report);
    expect(asked()).toBe(3);
  });

  it('is given up after some times, and at once for another error', async () => {
    const silent = cancelled(...Array.from({ length: 10 }, () => failed(4)));
    await expect(awaitReport(silent.handle)).rejects.toThrow('Failed to query Workflow');
    expect(silent.asked()).toBe(LIMITS.reportAttemptsMax);
    const refused = cancelled(failed(7), report);
    await expect(awaitReport(refused.handle)).rejects.toThrow('Failed to query Workflow');
    expect(refused.asked()).toBe(1);
  });
});
