/** Starts a run that has failed again, under its key: it goes on with what was staged, and the source is not asked. */
import type { Client } from '@temporalio/client';
import { FlexetlError } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import { inputOf, reportOf } from './find-retry';
import { scanRuns, type RunSummary } from './list-runs';
import type { RunHandle } from './run-handle';
import { startRun } from './start-run';

export interface RetryRequest {
  project: string;
  /** Id of the staging store of this project folder; undefined if it has none. */
  staging: string | undefined;
  taskQueue: string;
  /** As of {@link startRun}. */
  eager: boolean;
}

/**
 * @returns the run that was started, or the report of a run that has succeeded: then there is nothing to do
 * @throws FlexetlError RUN_IN_PROGRESS, RETRY_REFUSED
 */
export async function retryRun(
  client: Client,
  { project, staging, taskQueue, eager }: RetryRequest,
  run: RunSummary,
): Promise<{ started: RunHandle } | { succeeded: RunReport }> {
  const { pipeline } = run;
  if (run.status === 'running') throw inProgress(run);
  const [input, report] = [await inputOf(client, project, run), await reportOf(client, project, run)];
  if (report?.status === 'succeeded') return { succeeded: report };
  const isPartial = run.status === 'partial' || input.staged === 'require';
  if (run.status === 'cancelled' && !isPartial)
    throw refused(
      run,
      'it was cancelled, so nothing of it was published, and its staged parts are removed',
      `Run it again: flexetl run ${pipeline}`,
    );
  if (input.staging !== undefined && staging !== undefined && input.staging !== staging)
    throw refused(
      run,
      `it has staged its parts in another checkout of the project, in the staging store ${input.staging}`,
      'Retry it there.',
    );
  await assertNewest(client, project, run, report);
  const { resume: _, ...asked } = input;
  // A run that no worker has taken has told nobody its key.
  const key = run.run_key || input.run_key;
  const result = await startRun(client, {
    input: {
      ...asked,
      project,
      name: pipeline,
      ...(key !== undefined && { run_key: key }),
      again: input.again ?? input.run_key !== undefined,
      staged: isPartial ? 'require' : 'prefer',
    },
    taskQueue,
    summary: `retry of run ${run.run_key}`,
    eager,
  });
  if ('started' in result) return result;
  throw inProgress({ ...run, run_key: result.open.runKey ?? '' });
}

/**
 * Rows of an older run must not replace those of a newer one. Where all targets append, both are wanted.
 * @throws FlexetlError RETRY_REFUSED
 */
async function assertNewest(
  client: Client,
  project: string,
  run: RunSummary,
  report: RunReport | undefined,
): Promise<void> {
  const targets = report?.targets ?? [];
  if (targets.length > 0 && targets.every(({ mode }) => mode === 'append')) return;
  for await (const other of scanRuns(client, project, run.pipeline)) {
    if (other.run_id === run.run_id) return;
    const hasLoaded = other.status === 'succeeded' || other.status === 'partial';
    if (hasLoaded && other.run_key !== run.run_key)
      throw refused(
        run,
        `the newer run ${other.run_key} has loaded the pipeline since, and its rows would be replaced by older ones`,
        `To retry the newer one: flexetl retry ${run.pipeline}`,
      );
  }
}

function refused(run: RunSummary, why: string, hint: string): FlexetlError {
  return new FlexetlError('RETRY_REFUSED', {
    message: `Run ${run.run_key} of ${run.pipeline} is not retried: ${why}.`,
    hint,
  });
}

function inProgress({ pipeline, run_key }: RunSummary): FlexetlError {
  return new FlexetlError('RUN_IN_PROGRESS', {
    message: `A run of ${pipeline} is in progress${run_key === '' ? '' : `: ${run_key}`}. There is nothing to retry before it has ended.`,
    hint: `To wait for it: flexetl run ${pipeline} --join. To end it: flexetl cancel ${pipeline}.`,
  });
}
