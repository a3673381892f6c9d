/** The runs that Temporal knows, the newest first. */
import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { LIMITS } from '../pipeline/limits';
import { progressQuery, workflowIdOf } from '../workflows/messages';
import { runHandle } from './run-handle';

/** What the server says of a run, in its list and when asked for one. */
type ListedRun = Omit<WorkflowExecutionInfo, 'raw'>;

/** A run in a list. Field names are fixed: `--json` prints them. */
export interface RunSummary {
  pipeline: string;
  /** As in the run report, or how Temporal ended it: `terminated`, `timed_out`. */
  status: string;
  /** Empty for a run whose first task no worker has taken yet. */
  run_key: string;
  /** ISO 8601, UTC. */
  started_at: string;
  /** Null while it is running. */
  duration_ms: number | null;
  /** Rows that were loaded; null while it is running, and for a run that Temporal ended. */
  rows: number | null;
  /** Null for a run that has not failed. */
  error: { code: string; message: string } | null;
  run_id: string;
  /** What an open run waits for, as `the target: out.db is locked by another program`. */
  waiting_for?: string;
}

export interface ListOptions {
  /** Runs of other projects on the same server are not listed. */
  project: string;
  /** Only runs of this pipeline. */
  pipeline?: string | undefined;
  limit?: number;
}

export async function listRuns(
  client: Client,
  { project, pipeline, limit = Infinity }: ListOptions,
): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  for await (const run of scanRuns(client, project, pipeline)) {
    runs.push(run);
    if (runs.length >= limit) break;
  }
  return runs;
}

/** The newest run of each pipeline, or of one; with a key, the newest of those that have it. */
export async function listNewestRuns(
  client: Client,
  { project, pipeline, runKey }: Omit<ListOptions, 'limit'> & { runKey?: string | undefined },
): Promise<RunSummary[]> {
  const newest = new Map<string, RunSummary>();
  for await (const run of scanRuns(client, project, pipeline)) {
    if (newest.has(run.pipeline) || (runKey !== undefined && run.run_key !== runKey)) continue;
    newest.set(run.pipeline, run);
    if (pipeline !== undefined) break;
  }
  return [...newest.values()];
}

/** The same runs; open ones say what they wait for, if a worker answers in time. */
export async function withWaits(
  client: Client,
  project: string,
  runs: readonly RunSummary[],
): Promise<RunSummary[]> {
  const withWait = async (run: RunSummary): Promise<RunSummary> => {
    if (run.status !== 'running') return run;
    const handle = runHandle(client, { project, pipeline: run.pipeline }, run.run_id);
    const progress = await client
      .withDeadline(Date.now() + LIMITS.progressDeadlineMs, () => handle.query(progressQuery))
      .catch(() => undefined);
    const waits = (progress?.waiting ?? []).map((text) => text.replace(/^waiting for /, ''));
    return waits.length === 0 ? run : { ...run, waiting_for: waits.join(', ') };
  };
  return Promise.all(runs.map(withWait));
}

/**
 * The server's list lags behind: a run that has just started may be missing, one that has just ended is still running.
 * So the newest run of a pipeline, and each run that seems open, is asked for its state itself.
 * @param pipeline absent: those of all
 */
export async function* scanRuns(
  client: Client,
  project: string,
  pipeline?: string,
): AsyncIterable<RunSummary> {
  const prefix = workflowIdOf(project, '');
  // A string literal of the query language. A text that it does not accept cannot be the name of a pipeline.
  const filter =
    pipeline === undefined
      ? `STARTS_WITH ${JSON.stringify(prefix)}`
      : `= ${JSON.stringify(prefix + pipeline)}`;
  // A run that continued in a new history is listed only once.
  const query = `WorkflowType = "pipeline" AND ExecutionStatus != "ContinuedAsNew" AND WorkflowId ${filter}`;
  const newest = pipeline === undefined ? undefined : await describe(client, prefix + pipeline);
  if (newest) yield summaryOf(newest, newest.workflowId.slice(prefix.length));
  for await (const info of client.workflow.list({ query })) {
    if (info.runId === newest?.runId) continue;
    const isOpen = info.status.name === 'RUNNING';
    const current = isOpen ? ((await describe(client, info.workflowId, info.runId)) ?? info) : info;
    if (current.status.name === 'CONTINUED_AS_NEW') continue;
    yield summaryOf(current, info.workflowId.slice(prefix.length));
  }
}

/** @returns undefined if the server knows no such run */
async function describe(client: Client, workflowId: string, runId?: string): Promise<ListedRun | undefined> {
  try {
    return await client.workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function summaryOf(info: ListedRun, pipeline: string): RunSummary {
  const key = info.memo?.['run_key'];
  const status = info.status.name.toLowerCase().replace('completed', 'succeeded');
  return {
    pipeline,
    // A run whose targets are only partly published has failed, as far as Temporal knows.
    status: status === 'failed' && info.memo?.['status'] === 'partial' ? 'partial' : status,
    run_key: typeof key === 'string' ? key : '',
    started_at: info.startTime.toISOString(),
    rows: typeof info.memo?.['rows'] === 'number' ? info.memo['rows'] : null,
    error: (info.memo?.['error'] as RunSummary['error'] | undefined) ?? null,
    duration_ms: info.closeTime ? info.closeTime.getTime() - info.startTime.getTime() : null,
    run_id: info.runId,
  };
}
