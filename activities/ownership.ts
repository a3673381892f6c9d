/** A worker works only for its own project, and only where it sees what the run has staged. */
import type { Deps } from '../engine/deps';
import { FlexetlError } from '../pipeline/errors';
import type { Ownership } from '../runtime/project';

/**
 * Another worker of the task queue may be the right one, so the workflow starts the step again: see workflows/steps.ts.
 * @throws FlexetlError WRONG_WORKER
 */
export function assertOwn(
  { settings: { projectDir, stagingDir } }: Pick<Deps, 'settings'>,
  owner: Ownership,
  { project = owner.project, staging = owner.staging }: Partial<Ownership>,
): void {
  if (project !== owner.project) {
    throw new FlexetlError('WRONG_WORKER', {
      message: `The run belongs to project ${project}; this worker works for project ${owner.project}, in ${projectDir}.`,
      hint: `Start a worker in a folder of project ${project}, and give each project a task queue of its own: unset FLEXETL_TASK_QUEUE, or name another one.`,
    });
  }
  if (staging !== owner.staging) {
    throw new FlexetlError('WRONG_WORKER', {
      message: `The run is staged in store ${staging}; this worker has store ${owner.staging}, in ${stagingDir}.`,
      hint: 'Workers of a task queue share one FLEXETL_STAGING_DIR. Start a worker where the run was started; if its staging store is lost, cancel the run and start it again.',
    });
  }
}
