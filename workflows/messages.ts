/** What goes into a pipeline workflow, and what it answers while it runs. */
import { defineQuery } from '@temporalio/workflow';
import type { ReplayRef } from '../pipeline/dead-letter';
import type { RunReport } from '../pipeline/report';
import type { Progress, RunState } from './run-state';

export interface PipelineInput {
  name: string;
  /** Whose run it is; a start by hand may leave out both: then it belongs to the worker that takes it. */
  project?: string;
  /** Id of the staging store of the run; absent: that of the first worker. */
  staging?: string;
  /**
   * The pipeline file as written: nothing from the environment is in it. Absent: the worker reads configs/<name>.yaml.
   */
  text?: string;
  /** The file's name, as messages show it. */
  file?: string;
  /** `a.b=c` of the command line, relative to `pipeline`. */
  overrides?: readonly string[];
  /** configs/defaults.yaml as written, with `text`. */
  defaults?: { text: string; file: string };
  /** Whose values of `environments` are used. With `text` absent: default FLEXETL_ENV of the worker. */
  environment?: string;
  /** Shows whether an open run is what another command asks for. */
  request_digest?: string;
  /** Identity of the run towards its targets; the command makes one; absent: the id of the workflow's first execution. */
  run_key?: string;
  /**
   * False: files that another run has appended to a target are not appended to it again. Default: whether there is a
   * run key, which says on purpose that this is another load.
   */
  again?: boolean;
  /**
   * Of a retry: goes on with what an earlier run of this key has staged, and does not look at the source. `prefer`: if it
   * suffices; `require`: or fails, for a part of the targets has its rows.
   */
  staged?: 'prefer' | 'require';
  /** The run is a replay: its source are the corrected records of a dead-letter queue. */
  replay?: ReplayRef;
  /** Set when a long run continues in a new history. */
  resume?: RunState;
}

export const progressQuery = defineQuery<Progress>('progress');
/** The report as far as the run has come; final once the workflow is closed. */
export const reportQuery = defineQuery<RunReport>('report');

/** One workflow id per pipeline: at most one run is open, and the Web UI shows all runs under one id. */
export function workflowIdOf(project: string, pipeline: string): string {
  return `flexetl/${project}/${pipeline}`;
}
