/** Starts the workflow of a pipeline, or finds its open run. */
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { LIMITS } from '../pipeline/limits';
import { assertSmall } from '../pipeline/payload';
import { workflowIdOf, type PipelineInput } from '../workflows/messages';
import type { pipeline } from '../workflows/pipeline';
import { findOpenRun, type OpenRun } from './join-run';
import type { RunHandle } from './run-handle';

export interface StartRequest {
  input: PipelineInput & { project: string };
  taskQueue: string;
  /** One line for the Web UI. */
  summary: string;
  /** True if this process has a worker: the answer then contains its first task. */
  eager: boolean;
}

/**
 * At most one run of a pipeline is open.
 * @returns the run that was started, or the one that is already open
 * @throws FlexetlError PAYLOAD_TOO_LARGE
 */
export async function startRun(
  client: Client,
  request: StartRequest,
): Promise<{ started: RunHandle } | { open: OpenRun }> {
  const { input, taskQueue, summary, eager } = request;
  const { project, staging, name, request_digest, run_key } = input;
  assertSmall('the pipeline file', input);
  for (;;) {
    try {
      const started = await client.workflow.start<typeof pipeline>('pipeline', {
        workflowId: workflowIdOf(project, name),
        taskQueue,
        args: [input],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        workflowTaskTimeout: LIMITS.workflowTaskTimeoutMs,
        requestEagerStart: eager,
        staticSummary: summary,
        memo: {
          ...(request_digest !== undefined && { request_digest }),
          ...(run_key !== undefined && { run_key }),
          ...(staging !== undefined && { staging }),
        },
      });
      return { started };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      const open = await findOpenRun(client, { project, pipeline: name });
      if (open) return { open };
    }
  }
}
