/** Whose run it is: the project and the staging store. */
import { CancellationScope } from '@temporalio/workflow';
import { DEFAULT_RETRY_SETTINGS } from './budgets';
import type { PipelineRequest } from './request';
import { createSteps } from './steps';

export type OwnedRequest = PipelineRequest & { project: string; staging: string };

/**
 * A run that was started by hand names neither, and a starter without the staging folder only the project: the run
 * then belongs to the first worker that takes it. It cannot be cancelled before it is known whose it is, so that every
 * cancelled run has a report.
 */
export async function identify(request: PipelineRequest): Promise<OwnedRequest> {
  const { project, staging } = request;
  if (project !== undefined && staging !== undefined) return { ...request, project, staging };
  const owner = await CancellationScope.nonCancellable(() =>
    createSteps(DEFAULT_RETRY_SETTINGS)('identify', 'identify', project === undefined ? {} : { project }),
  );
  return { ...request, project: owner.project, staging: owner.staging };
}
