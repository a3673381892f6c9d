/** The story of a run: prepare → extract → validate → transform → load → publish → finish, or abort. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  executeChild,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { assertBalanced, bookRows } from '../pipeline/row-balance';
import { reportMarkdown } from '../pipeline/markdown';
import type { RunReport } from '../pipeline/report';
import { errorReportOf, failureOf } from './failures';
import { identify } from './identify';
import { progressQuery, reportQuery, workflowIdOf, type PipelineInput } from './messages';
import { extractPhase, loadPhase, publishPhase, transformPhase, validatePhase } from './phases';
import { parseRequest, type PipelineRequest } from './request';
import { createRun, type Run } from './run';
import { addWarnings, startLoads, buildReport, createRunState, progressOf } from './run-state';

/**
 * Runs one pipeline.
 * @param input a pipeline's name, as the Web UI passes it, or everything the command line knows
 * @returns the run report
 * @throws ApplicationFailure typed with an error code, the report in its details; CancelledFailure
 */
export async function pipeline(input: string | PipelineInput): Promise<RunReport> {
  const request = await identify(parseRequest(input));
  const workflowId = workflowIdOf(request.project, request.name);
  if (workflowInfo().workflowId !== workflowId) return runUnderItsId(request, workflowId);

  const state = request.resume ?? createRunState(request.name, request.run_key, Date.now());
  const run = createRun(request, state);
  let closed: RunReport | undefined;
  const report = (status: RunReport['status']): RunReport =>
    buildReport(state, workflowId, status, Date.now());
  upsertMemo({
    run_key: state.runKey,
    ...(request.request_digest && { request_digest: request.request_digest }),
  });
  setHandler(progressQuery, () => progressOf(state));
  setHandler(reportQuery, () => closed ?? report('running'));
  try {
    await runPhases(run);
    closed = report('succeeded');
    await run.step('finish', 'finish', { run: run.ref, report: closed });
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    state.error ??= errorReportOf(error, state.step);
    const ended = report(isCancellation(error) ? 'cancelled' : isPartial(run) ? 'partial' : 'failed');
    closed = ended;
    // A failure of the clean-up must not hide why the run failed.
    await CancellationScope.nonCancellable(() =>
      run.step('abort', 'abort', { run: run.ref, report: ended }),
    ).catch(() => undefined);
    setCurrentDetails(reportMarkdown(ended));
    throw isCancellation(error) ? error : failureOf(ended);
  }
  setCurrentDetails(reportMarkdown(closed));
  return closed;
}

async function runPhases(run: Run): Promise<void> {
  const { state } = run;
  state.plan ??= await run.timed('prepare', () => {
    const { text, file, overrides, again } = run.request;
    return run.step('prepare', 'prepare', { run: run.ref, once: !again, text, file, overrides });
  });
  run.useRetry(state.plan.retry);
  addWarnings(state, state.plan.warnings);
  if (state.plan.targets.every(({ already }) => already !== undefined)) return startLoads(state, state.plan);
  await extractPhase(run, state.plan);
  await validatePhase(run);
  await transformPhase(run, state.plan);
  await loadPhase(run, state.plan);
  const rows = bookRows(state.read, state.rejected, state.counts, state.output);
  assertBalanced(rows, state.counts, state.targets);
  await publishPhase(run);
}

/** At most one open run per pipeline: started under another id, the run becomes a child with the right id. */
async function runUnderItsId(request: PipelineRequest, workflowId: string): Promise<RunReport> {
  try {
    return await executeChild(pipeline, { workflowId, args: [request], parentClosePolicy: 'REQUEST_CANCEL' });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw ApplicationFailure.nonRetryable(
      `A run of ${request.name} is in progress: workflow ${workflowId}. Wait for it, or cancel it.`,
      'RUN_IN_PROGRESS',
    );
  }
}

function isPartial(run: Run): boolean {
  return run.state.targets.some((target) => target.status === 'published');
}
