/** The story of a run: prepare → extract → validate → transform → load → publish → finish, or abort. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ContinueAsNew,
  executeChild,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { LIMITS } from '../pipeline/limits';
import { assertBalanced } from '../pipeline/row-balance';
import { count, reportMarkdown } from '../pipeline/markdown';
import { loadedRows, type RunReport } from '../pipeline/report';
import { detailsIn, errorReportOf, failureOf } from './failures';
import { identify } from './identify';
import { progressQuery, reportQuery, workflowIdOf, type PipelineInput } from './messages';
import { extractPhase, loadPhase, publishPhase, transformPhase, validatePhase, withoutLost } from './phases';
import { parseRequest, type PipelineRequest } from './request';
import { createRun, type Run } from './run';
import { addWarnings, buildReport, createRunState, rowsOf, startLoads } from './run-state';
import { showEnded, showStarted } from './search-attributes';

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
  setHandler(progressQuery, run.progress);
  setHandler(reportQuery, () => closed ?? report('running'));
  try {
    await runPhases(run);
    assertNotCancelled();
    // The point of no return: from here on the run ends as its targets do, whatever signal comes.
    await CancellationScope.nonCancellable(() => publishPhase(run));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    state.error ??= errorReportOf(error, state.step);
    state.checks = detailsIn(error).checks ?? state.checks;
    // A cancelled run has published nothing: what its targets have is of earlier ones.
    const status = isCancellation(error) ? 'cancelled' : isPartial(run) ? 'partial' : 'failed';
    closed = await end(run, 'abort', report(status));
    throw isCancellation(error) ? error : failureOf(closed);
  }
  if (isCancelled()) addWarnings(state, [CANCELLED_LATE]);
  closed = await end(run, 'finish', report('succeeded'));
  return closed;
}

const isCancelled = (): boolean => CancellationScope.current().consideredCancelled;

/** A cancellation that came together with the answer of the last load has interrupted nothing. */
function assertNotCancelled(): void {
  if (isCancelled()) throw new CancelledFailure('The run was cancelled.');
}

const CANCELLED_LATE =
  'The run was asked to stop while its targets were published: it was completed instead.';

/** Report and clean-up: best effort, for what they say and do changes nothing in the targets. */
async function end(run: Run, step: 'finish' | 'abort', report: RunReport): Promise<RunReport> {
  const { replay } = run.request;
  const ended = await CancellationScope.nonCancellable(() =>
    run.step(step, `${report.status}, ${count(report.rows.output)} rows`, {
      run: run.ref,
      report,
      keep: run.request.staged === 'require',
      ...(replay && { replay }),
    }),
  ).catch((error: unknown) => ({
    warnings: [
      `The end of the run is incomplete, its report or its clean-up: ${errorReportOf(error, 'finish').message}`,
    ],
    searchable: run.state.plan?.searchable === true,
  }));
  addWarnings(run.state, ended.warnings);
  const final = { ...report, warnings: run.state.warnings };
  if (ended.searchable) showEnded(final);
  upsertMemo(memoOf(final));
  setCurrentDetails(reportMarkdown(final));
  return final;
}

/** What lists of runs show: Temporal itself knows only that a run has failed. */
function memoOf(report: RunReport): Record<string, unknown> {
  const { status, error } = report;
  const message = error?.message.slice(0, LIMITS.warningCharsMax);
  return { status, rows: loadedRows(report), ...(error && { error: { code: error.code, message } }) };
}

/** All but publish: until the rows of all targets are loaded and add up. */
async function runPhases(run: Run): Promise<void> {
  const { state } = run;
  state.plan ??= await run.timed('prepare', () => {
    const { text, file, overrides, defaults, environment, again, staged, replay } = run.request;
    const of = { run: run.ref, once: !again, text, file, overrides, defaults, environment, staged };
    const input = { ...of, ...(replay && { replay }) };
    return withoutLost(state, (without) =>
      run.step('prepare', `${state.pipeline}, run ${state.runKey}`, { ...input, without }),
    );
  });
  run.useSettings(state.plan.faultTolerance);
  if (state.plan.searchable) showStarted(state);
  addWarnings(state, state.plan.warnings);
  const isLost = (index: number): boolean => state.lost.some(({ target }) => target === index);
  if (state.plan.targets.every(({ already }, index) => already ?? isLost(index)))
    return startLoads(state, state.plan);
  await extractPhase(run, state.plan);
  await validatePhase(run);
  await transformPhase(run, state.plan);
  await loadPhase(run, state.plan);
  assertBalanced(rowsOf(state), state.counts, state.targets);
}

/** At most one open run per pipeline: started under another id, the run becomes a child with the right id. */
async function runUnderItsId(request: PipelineRequest, workflowId: string): Promise<RunReport> {
  try {
    setCurrentDetails(`The run of **${request.name}** is the child workflow \`${workflowId}\`.`);
    const report = await executeChild(pipeline, {
      workflowId,
      args: [request],
      parentClosePolicy: 'REQUEST_CANCEL',
      staticSummary: `started by workflow ${workflowInfo().workflowId}`,
    });
    setCurrentDetails(reportMarkdown(report));
    return report;
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
