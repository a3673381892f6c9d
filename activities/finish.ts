/** Finish: the run report on disk, the run's staging gone. */
import { reportLine } from '../pipeline/markdown';
import type { RunReport } from '../pipeline/report';
import { writeReport } from '../runtime/report-file';
import type { RunRef } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import { createStep, type StepResult } from './step';

export interface FinishInput {
  run: RunRef;
  report: RunReport;
}

export function createFinish(deps: Deps): (input: FinishInput) => Promise<StepResult<{ path: string }>> {
  return createStep(deps, 'finish', async (input: FinishInput, tools) => {
    const path = await writeReport(deps.settings.projectDir, input.report);
    await tools.staging.remove();
    deps.log.info(reportLine(input.report));
    return { path };
  });
}
