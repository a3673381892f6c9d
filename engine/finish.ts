/** The ends of a run. Finish writes the report and removes the staging. Abort discards what is not published. */
import { messageOf } from '../pipeline/errors';
import { reportLine } from '../pipeline/markdown';
import type { ReplayRef } from '../pipeline/dead-letter';
import type { RunReport } from '../pipeline/report';
import { findReport } from '../runtime/report-file';
import { PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { dropLetters, closeReplayOf } from './dead-letters/end-letters';
import { discardLoads, hasNoTarget } from './discard';
import type { RunPlan } from './plan';
import { openReportWriter, type ReportWriter } from './report/write-report';

export interface FinishInput {
  run: RunRef;
  report: RunReport;
  /** The staged parts are kept, however the run ended: a part of its targets waits for them. */
  keep?: boolean;
  /** The replay that the run is. */
  replay?: ReplayRef;
}

export interface FinishResult {
  /** What could not be done, for the report. */
  warnings: string[];
}

/** @throws FlexetlError DISK_FULL, PATH_UNWRITABLE when the report cannot be written */
export async function finishRun(
  deps: Deps,
  { report, replay }: FinishInput,
  context: StepContext,
): Promise<FinishResult> {
  const warnings: string[] = [];
  // If this fails, the replay goes on with the next one of the queue, and finds its rows loaded.
  if (replay) await closeReplayOf(deps, replay).catch((error: unknown) => warnings.push(messageOf(error)));
  const writer = await openWriter(deps, report, context);
  const isWritten = await writer.write(report).then(
    () => true,
    () => false,
  );
  await context.staging
    .remove('')
    .catch((error: unknown) => warnings.push(notRemoved('Staged files', error)));
  // On a full disk there is room now.
  if (!isWritten || warnings.length > 0)
    await writer.write({ ...report, warnings: [...report.warnings, ...warnings] });
  deps.log.info(reportLine(report));
  return { warnings };
}

/**
 * The report first, then the clean-up: nothing that fails prevents the rest. The load ledger of a target, which may be
 * locked, keeps what is still to be removed: prepare of the next run does it. The staged parts of a failed run are kept
 * for a retry, `LIMITS.stagingKeepMs`; those of a cancelled run, or of a pipeline without checkpoints, are removed, unless
 * a target waits for them.
 */
export async function abortRun(
  deps: Deps,
  { report, run, keep = false, replay }: FinishInput,
  context: StepContext,
): Promise<FinishResult> {
  const { staging } = context;
  const warnings: string[] = [];
  const warn = (text: string): void => {
    warnings.push(text);
    deps.log.warn(text);
  };
  const writer = await openWriter(deps, report, context);
  // It is also in the workflow's failure.
  await writer.write(report).catch((error: unknown) => warn(messageOf(error)));
  deps.log.info(reportLine(report));
  // A run that failed in prepare has no plan and has touched no target.
  const plan = (await staging.fetch<RunPlan>(PLAN).catch(() => undefined))?.receipt;
  // A target that was down from the start has got nothing of this run.
  const open = [...(plan?.config.targets.keys() ?? [])].filter((index) => {
    const { status, error } = report.targets[index] ?? {};
    return status !== 'published' && error?.step !== 'prepare';
  });
  const failures = plan ? await discardLoads(deps, plan, run, open, context) : [];
  // The plan is damaged or gone, after loads have begun.
  if (!plan && report.targets.some(({ status }) => status !== 'published')) warn(ROWS_MAY_STAY);
  for (const error of failures) warn(notRemoved('Rows that are not published', error));
  // What has failed in publish may be published all the same.
  const isSettled =
    report.error?.step !== 'publish' || (replay && plan && (await hasNoTarget(deps, plan, run, context)));
  if (!['partial', 'succeeded'].includes(report.status) && !keep && isSettled)
    await dropLetters(deps, plan, run, replay).catch((error: unknown) => warn(messageOf(error)));
  const isOver = report.status === 'cancelled' || plan?.config.fault_tolerance.checkpoints.enabled === false;
  if ((isOver && report.status !== 'partial' && !keep) || !plan)
    await staging.remove('').catch((error: unknown) => warn(notRemoved('Staged files', error)));
  if (warnings.length > 0)
    await writer.write({ ...report, warnings: [...report.warnings, ...warnings] }).catch(() => undefined);
  return { warnings };
}

/**
 * A run that finds its rows loaded under its key, or its key used for other rows, has changed nothing: the report of the
 * run that has loaded them stays.
 */
async function openWriter(deps: Deps, report: RunReport, context: StepContext): Promise<ReportWriter> {
  const { targets, error, run_key } = report;
  const hasFound = targets.length > 0 && targets.every(({ already }) => already?.run_key === run_key);
  if (hasFound || error?.code === 'KEY_REUSED') {
    const before = await findReport(deps.settings.projectDir, report);
    if (before?.targets.some(({ status }) => status === 'published'))
      return { write: () => Promise.resolve() };
  }
  return openReportWriter(deps, report, context);
}

const ROWS_MAY_STAY =
  'Rows that are not published may still be in the staging tables of the targets: the plan of the run cannot be read. The next run of the pipeline will remove them.';

function notRemoved(what: string, error: unknown): string {
  return `${what} could not be removed, which the next runs of the pipeline will do: ${messageOf(error)}`;
}
