/** A run as Temporal knows it: a workflow named after its pipeline. */
import type { Client, WorkflowHandle } from '@temporalio/client';
import { workflowIdOf } from '../workflows/messages';
import type { pipeline } from '../workflows/pipeline';

export type RunHandle = WorkflowHandle<typeof pipeline>;

/** A pipeline of a project. */
export interface PipelineRef {
  project: string;
  pipeline: string;
}

/** @param runId a run, which is followed if it continues in a new history; default: the newest */
export function runHandle(
  client: Client,
  { project, pipeline: name }: PipelineRef,
  runId?: string,
): RunHandle {
  return client.workflow.getHandle<typeof pipeline>(workflowIdOf(project, name), runId, { followRuns: true });
}
