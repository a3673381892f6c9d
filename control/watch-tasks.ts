/** Notices a run whose workflow tasks fail: Temporal tries them for ever, without a word to whoever waits. */
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { poll } from './poll';
import type { RunHandle } from './run-handle';

type TaskFailure = temporal.api.history.v1.IWorkflowTaskFailedEventAttributes;

/** @returns a promise that rejects with BUILD_MISMATCH or INTERNAL, and a function that ends the watching */
export function watchTasks(
  client: Client,
  handle: RunHandle,
): { failed: Promise<never>; stop: () => Promise<void> } {
  let fail: (error: FlexetlError) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  failed.catch(() => undefined);
  const look = async (): Promise<void> => {
    // A server that does not answer is noticed by whoever waits for the result.
    const error = await client
      .withDeadline(Date.now() + LIMITS.progressDeadlineMs, () => findFailure(client, handle))
      .catch(() => undefined);
    if (error) fail(error);
  };
  return { failed, stop: poll(look, LIMITS.taskLookMs, LIMITS.taskLookMs) };
}

/** Attempts that fail one after the other leave one event; it is the last of a task that is still tried. */
async function findFailure(client: Client, handle: RunHandle): Promise<FlexetlError | undefined> {
  const { raw, runId, workflowId } = await handle.describe();
  if ((raw.pendingWorkflowTask?.attempt ?? 0) < LIMITS.taskAttemptsMax) return undefined;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 10,
  });
  const events = history?.events ?? [];
  const task = events.find(
    (event) => event.workflowTaskFailedEventAttributes ?? event.workflowTaskCompletedEventAttributes,
  );
  // Without one, workers have died in the task.
  const failure = task?.workflowTaskFailedEventAttributes;
  return failure ? explain(workflowId, failure) : undefined;
}

function explain(workflowId: string, { cause, failure }: TaskFailure): FlexetlError {
  const message = failure?.message ?? '';
  const pipeline = workflowId.slice(workflowId.lastIndexOf('/') + 1);
  if (cause === NONDETERMINISM) {
    return new FlexetlError('BUILD_MISMATCH', {
      message: `The run ${workflowId} was started by another version of FlexETL: its history does not fit the workflow of this one. The run is intact. Temporal says: ${message}`,
      hint: `Go on with the version that started it, or end it with \`flexetl cancel ${pipeline}\` and run again.`,
    });
  }
  return new FlexetlError('INTERNAL', {
    message: `The workflow of the run ${workflowId} fails: ${message}. The run is intact.`,
    hint: `Go on with the version that started it, or end it with \`flexetl cancel ${pipeline}\` and run again. Please report it.`,
  });
}

/** Of WorkflowTaskFailedCause. */
const NONDETERMINISM = 24;
