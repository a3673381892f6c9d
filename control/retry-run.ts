/** Starts a run that has failed again, under its key: it goes on with what was staged, and the source is not asked. */
import { isDeepStrictEqual } from 'node:util';
import type { Client } from '@temporalio/client';
import { parse } from 'yaml';
import { FlexetlError } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import type { PipelineInput } from '../workflows/messages';
import type { PipelineFile } from '../runtime/config-file';
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
  /** The pipeline file as it is now; undefined if there is none. */
  written?: Written | undefined;
  /** A pipeline file that has changed since the run is no reason to refuse: the run is done by the new one. */
  acceptConfigChange?: boolean;
}

/** A pipeline file, with the defaults under it. */
export type Written = Pick<PipelineFile, 'text' | 'file' | 'defaults'>;

/**
 * @returns the run that was started, or the report of a run that has succeeded: then there is nothing to do
 * @throws FlexetlError RUN_IN_PROGRESS, RETRY_REFUSED
 */
export async function retryRun(
  client: Client,
  { project, staging, taskQueue, eager, written, acceptConfigChange = false }: RetryRequest,
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
  if (input.replay)
    throw refused(
      run,
      'it is a replay of dead letters',
      `To go on with it, or to start another one: flexetl dlq replay ${pipeline}`,
    );
  await assertNewest(client, project, run, report);
  const changed =
    written && input.text !== undefined ? findChange(input.text, input.defaults, written) : undefined;
  if (changed && !acceptConfigChange)
    throw refused(
      run,
      `${changed} has changed since, and its rows would be those of the file as it was`,
      `To go on by the file as it is now: flexetl retry ${pipeline} --run-key ${JSON.stringify(run.run_key)} --accept-config-change. Parts that it would make otherwise are made again.`,
    );
  const { resume: _, ...asked } = changed && written ? withText(input, written) : input;
  // A run that no worker has taken has told nobody its key.
  const key = run.run_key || input.run_key;
  const result = await startRun(client, {
    input: {
      ...asked,
      project,
      name: pipeline,
      ...(key !== undefined && { run_key: key }),
      again: input.again ?? input.run_key !== undefined,
      // What is staged is of the file as it was: prepare looks which of it still holds.
      ...(!changed && { staged: isPartial ? ('require' as const) : ('prefer' as const) }),
    },
    taskQueue,
    summary: `retry of run ${run.run_key}`,
    eager,
  });
  if ('started' in result) return result;
  throw inProgress({ ...run, run_key: result.open.runKey ?? '' });
}

/** Whether two pipeline files mean the same: comments, quotes and the order of keys do not count. */
function isSame(one: string, other: string): boolean {
  try {
    return isDeepStrictEqual(parse(one), parse(other));
  } catch {
    return one === other;
  }
}

/** The file that has changed, if one has. */
function findChange(text: string, defaults: PipelineInput['defaults'], now: Written): string | undefined {
  if (!isSame(text, now.text)) return now.file;
  if (isSame(defaults?.text ?? '', now.defaults?.text ?? '')) return undefined;
  return now.defaults?.file ?? defaults?.file;
}

/** The request by another text: what an earlier retry said of staged parts is not said of it. */
function withText(
  { request_digest: _, defaults: __, staged: ___, ...input }: PipelineInput,
  written: Written,
): PipelineInput {
  const { text, file, defaults } = written;
  return { ...input, text, file, ...(defaults && { defaults }) };
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
