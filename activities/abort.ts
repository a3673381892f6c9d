/** Abort: after a failure or a cancellation, removes what was not published and leaves the report. */
import { FlexetlError, messageOf } from '../pipeline/errors';
import { reportLine } from '../pipeline/markdown';
import type { RunReport } from '../pipeline/report';
import { writeReport } from '../runtime/report-file';
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { discardLoads } from '../engine/load';
import { PLAN_FILE, type RunPlan } from '../engine/plan';
import { contextOf, createStep, type StepResult } from './step';

export interface AbortInput {
  run: RunRef;
  report: RunReport;
}

export function createAbort(deps: Deps): (input: AbortInput) => Promise<StepResult<{ path: string | null }>> {
  return createStep(deps, 'abort', async (input: AbortInput, tools) => {
    // A run that failed in prepare has no plan and has touched no target.
    const plan = await tools.staging.findJson<RunPlan>(PLAN_FILE);
    const unpublished = [...(plan?.config.targets.keys() ?? [])].filter(
      (index) => input.report.targets[index]?.status !== 'published',
    );
    const kept = plan
      ? await discardLoads(deps, plan.config, input.run, unpublished, contextOf(deps, tools))
      : [];
    // What another attempt may still remove needs the plan; the rest must not keep the others from being removed.
    const retryable = kept.find((error) => error instanceof FlexetlError && error.retryable);
    if (retryable !== undefined) throw retryable;
    for (const error of kept) deps.log.warn(messageOf(error));
    await tools.staging.remove();
    deps.log.info(reportLine(input.report));
    // The report is also in the workflow's failure: an output folder that cannot be written must not hide why.
    const path = await writeReport(deps.settings.projectDir, input.report).catch((error: unknown) => {
      deps.log.warn(messageOf(error));
      return null;
    });
    return { path };
  });
}
