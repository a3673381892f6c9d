/** The run that a retry goes on with, and what is known of it. */
import type { Client } from '@temporalio/client';
import { FlexetlError } from '../pipeline/errors';
import type { RunReport } from '../pipeline/report';
import type { PipelineInput } from '../workflows/messages';
import { awaitReport } from './await-report';
import { listNewestRuns, scanRuns, type RunSummary } from './list-runs';
import { runHandle } from './run-handle';

/** A run by its pipeline, its key, or both; neither: the only pipeline whose last run has failed. */
export interface RetryAddress {
  project: string;
  /** Name of a pipeline, or a run key. */
  name?: string | undefined;
  runKey?: string | undefined;
}

/** @throws FlexetlError RUN_NOT_FOUND, USAGE where several runs are meant */
export async function findRetry(client: Client, address: RetryAddress): Promise<RunSummary> {
  const { project, name, runKey } = address;
  if (name === undefined) return onlyFailed(await listNewestRuns(client, { project }));
  const found = await findRun(client, address, name);
  if (found) return found;
  if (runKey !== undefined) throw notFound(`No run of ${name} with the key ${runKey} is known.`);
  const [one, ...others] = await listNewestRuns(client, { project, runKey: name });
  if (!one) throw notFound(`No pipeline and no run is known as ${name}.`);
  if (others.length === 0) return one;
  throw several(
    `Several pipelines have a run ${name}: ${names([one, ...others])}.`,
    `flexetl retry ${one.pipeline} --run-key ${JSON.stringify(name)}`,
  );
}

/** The newest run; one that only waits for an earlier run to be completed is not meant, but that earlier one. */
async function findRun(
  client: Client,
  { project, runKey }: RetryAddress,
  name: string,
): Promise<RunSummary | undefined> {
  let waiting: RunSummary | undefined;
  for await (const run of scanRuns(client, project, name)) {
    if (runKey !== undefined && run.run_key !== runKey) continue;
    if (runKey !== undefined || run.error?.code !== 'STATES_DIFFER') return run;
    waiting ??= run;
  }
  return waiting;
}

function onlyFailed(newest: readonly RunSummary[]): RunSummary {
  const failed = newest.filter(({ status }) => !['succeeded', 'running', 'cancelled'].includes(status));
  const [one, ...others] = failed;
  if (!one) throw notFound('No pipeline has failed in its last run.');
  if (others.length === 0) return one;
  throw several(
    `The last runs of several pipelines have failed: ${names(failed)}.`,
    `flexetl retry ${one.pipeline}`,
  );
}

const names = (runs: readonly RunSummary[]): string => runs.map(({ pipeline }) => pipeline).join(', ');

const notFound = (message: string): FlexetlError =>
  new FlexetlError('RUN_NOT_FOUND', { message, hint: 'See `flexetl history`.' });

const several = (message: string, example: string): FlexetlError =>
  new FlexetlError('USAGE', { message, hint: `Name one, as in: ${example}` });

/** The input with which the workflow of a run was started. */
export async function inputOf(client: Client, project: string, run: RunSummary): Promise<PipelineInput> {
  const { workflowId } = runHandle(client, { project, pipeline: run.pipeline });
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId: run.run_id },
    maximumPageSize: 1,
  });
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  for (const codec of [...payloadCodecs].reverse()) payloads = await codec.decode(payloads);
  const [payload] = payloads;
  const input = payload ? payloadConverter.fromPayload<string | PipelineInput>(payload) : run.pipeline;
  return typeof input === 'string' ? { name: input } : input;
}

/** The report of a run that has ended; undefined for one that ended without a report, or was cancelled. */
export async function reportOf(
  client: Client,
  project: string,
  run: RunSummary,
): Promise<RunReport | undefined> {
  if (!['succeeded', 'partial', 'failed'].includes(run.status)) return undefined;
  return awaitReport(runHandle(client, { project, pipeline: run.pipeline }, run.run_id)).catch(
    (error: unknown) => {
      if (error instanceof FlexetlError) return undefined;
      throw error;
    },
  );
}
