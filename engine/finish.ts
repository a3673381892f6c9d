/** The ends of a run. Finish writes the report and removes the staging. Abort discards what is not published. */
import { FlexetlError, messageOf } from '../pipeline/errors';
import { reportLine } from '../pipeline/markdown';
import type { RunReport } from '../pipeline/report';
import { writeReport } from '../runtime/report-file';
import { PLAN } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { discardLoads } from './load';
import type { RunPlan } from './plan';

export interface FinishInput {
  run: RunRef;
  report: RunReport;
}

export async function finishRun(
  deps: Deps,
  { report }: FinishInput,
  { staging }: StepContext,
): Promise<{ path: string }> {
  const path = await writeReport(deps.settings.projectDir, report);
  await staging.remove('');
  deps.log.info(reportLine(report));
  return { path };
}

/**
 * The staged parts of a failed run are kept for a retry, `LIMITS.stagingKeepMs`; those of a cancelled run are removed.
 */
export async function abortRun(
  deps: Deps,
  input: FinishInput,
  context: StepContext,
): Promise<{ path: string | null }> {
  const { report, run } = input;
  // A run that failed in prepare has no plan and has touched no target.
  const plan = (await context.staging.fetch<RunPlan>(PLAN))?.receipt;
  const open = [...(plan?.config.targets.keys() ?? [])].filter(
    (index) => report.targets[index]?.status !== 'published',
  );
  const failures = plan ? await discardLoads(deps, plan, run, open, context) : [];
  // A retryable failure gets another attempt; any other must not prevent the report.
  const retryable = failures.find((error) => error instanceof FlexetlError && error.retryable);
  if (retryable !== undefined) throw retryable;
  for (const error of failures) deps.log.warn(messageOf(error));
  if (report.status === 'cancelled' || !plan) await context.staging.remove('');
  deps.log.info(reportLine(report));
  // The report is also in the workflow's failure: an output folder that cannot be written must not hide why.
  const path = await writeReport(deps.settings.projectDir, report).catch((error: unknown) => {
    deps.log.warn(messageOf(error));
    return null;
  });
  return { path };
}
