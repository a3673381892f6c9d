/** Notices a run whose workflow tasks fail: Temporal tries them for ever, without a word to whoever waits. */
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { poll } from './poll';
import type { RunHandle } from './run-handle';

/**
 * @param build of the workers of this command
 * @returns a promise that rejects with BUILD_MISMATCH or INTERNAL, and a function that ends the watching
 */
export function watchTasks(
  client: Client,
  handle: RunHandle,
  build: string,
): { failed: Promise<never>; stop: () => Promise<void> } {
  let fail: (error: FlexetlError) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  failed.catch(() => undefined);
  let first: number | undefined;
  const look = async (): Promise<void> => {
    const { raw, runId, workflowId } = await handle.describe();
    const attempt = raw.pendingWorkflowTask?.attempt ?? 0;
    // Attempts of workers that were there before say nothing of those that are there now.
    first = Math.min(first ?? attempt, attempt);
    if (attempt - first < LIMITS.taskFailuresMax) return;
    const failure = await findFailure(client, { workflowId, runId });
    const lastBuild = raw.workflowExecutionInfo?.mostRecentWorkerVersionStamp?.buildId;
    if (failure || (lastBuild && lastBuild !== build)) fail(explain(workflowId, failure));
  };
  const lookOnce = (): Promise<void> =>
    client
      .withDeadline(Date.now() + LIMITS.progressDeadlineMs, look)
      // A server that does not answer is noticed by whoever waits for the result.
      .catch(() => undefined);
  return { failed, stop: poll(lookOnce, LIMITS.taskLookMs, LIMITS.taskLookMs) };
}

type TaskFailure = temporal.api.history.v1.IWorkflowTaskFailedEventAttributes;

/**
 * Only the first of several failures is an event, the last one of the task that is still tried.
 * @returns undefined if the first attempt has timed out: its worker has died
 */
async function findFailure(
  client: Client,
  execution: { workflowId: string; runId: string },
): Promise<TaskFailure | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 10,
  });
  const task = (history?.events ?? []).find(
    (event) => event.workflowTaskFailedEventAttributes ?? event.workflowTaskCompletedEventAttributes,
  );
  return task?.workflowTaskFailedEventAttributes ?? undefined;
}

function explain(workflowId: string, failure: TaskFailure | undefined): FlexetlError {
  const says = failure?.failure?.message ? ` Temporal says: ${failure.failure.message}` : '';
  const pipeline = workflowId.slice(workflowId.lastIndexOf('/') + 1);
  const hint = `Go on with the version that started it, or end it with \`flexetl cancel ${pipeline}\` and run again.`;
  if (!failure || failure.cause === NONDETERMINISM) {
    return new FlexetlError('BUILD_MISMATCH', {
      message: `The run ${workflowId} was started by another version of FlexETL: its history does not fit the workflow of this one. The run is intact.${says}`,
      hint,
    });
  }
  return new FlexetlError('INTERNAL', {
    message: `The workflow of the run ${workflowId} fails again and again. The run is intact.${says}`,
    hint: `${hint} Please report it.`,
  });
}

/** Of WorkflowTaskFailedCause. */
const NONDETERMINISM = 24;
