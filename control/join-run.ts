/** The open run of a pipeline: its data, and a handle to wait for it. */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { runHandle, type PipelineRef, type RunHandle } from './run-handle';

export interface OpenRun extends PipelineRef {
  runId: string;
  /** Undefined until the run has set it. */
  runKey: string | undefined;
  /** Of what was asked for; undefined if it was started by its name alone. */
  requestDigest: string | undefined;
  /** Id of the staging store; undefined if the starter did not name one. */
  staging: string | undefined;
  startedAt: Date;
  /** It was cancelled and has not cleaned up yet. */
  cancelRequested: boolean;
  /** The build of the worker that worked on it last; undefined before the first one did. */
  build: string | undefined;
}

/** @returns undefined if no run of the pipeline is open */
export async function findOpenRun(client: Client, of: PipelineRef): Promise<OpenRun | undefined> {
  const found = await runHandle(client, of)
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
  if (found?.status.name !== 'RUNNING') return undefined;
  const { memo, runId, startTime, raw } = found;
  return {
    ...of,
    runId,
    runKey: textOf(memo?.['run_key']),
    requestDigest: textOf(memo?.['request_digest']),
    staging: textOf(memo?.['staging']),
    startedAt: startTime,
    cancelRequested: raw.workflowExtendedInfo?.cancelRequested === true,
    build: raw.workflowExecutionInfo?.mostRecentWorkerVersionStamp?.buildId || undefined,
  };
}

export function joinRun(client: Client, open: OpenRun): RunHandle {
  return runHandle(client, open, open.runId);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
