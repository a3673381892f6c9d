/** What goes into a pipeline workflow, and what it answers while it runs. */
import { defineQuery } from '@temporalio/workflow';
import type { RunReport, StepName } from '../pipeline/report';
import type { RunState } from './run-state';

export interface PipelineInput {
  name: string;
  /** The pipeline by value; absent: the worker reads configs/<name>.yaml. */
  config?: unknown;
  /** Digest of `config`, to tell whether an open run is the same pipeline. */
  config_digest?: string;
  /** Identity of the run towards its targets; absent: minted from the start time. */
  run_key?: string;
  /** Set when a long run goes on in a fresh history. */
  resume?: RunState;
}

export interface Progress {
  step: StepName;
  parts_done: number;
  parts_total: number;
  rows_read: number;
  bytes_total: number;
  run_key: string;
  config_digest: string;
  /** ISO 8601, UTC. */
  started_at: string;
}

export const progressQuery = defineQuery<Progress>('progress');
/** The report as far as the run has come; final once the workflow is closed. */
export const reportQuery = defineQuery<RunReport>('report');

/** One workflow id per pipeline: at most one run is open, and all runs stand under one id in the Web UI. */
export function workflowIdOf(pipeline: string): string {
  return `flexetl/${pipeline}`;
}
