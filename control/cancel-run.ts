/** Cancels the open run of a pipeline: nothing of it is published. */
import type { Client } from '@temporalio/client';
import { FlexetlError } from '../pipeline/errors';
import { findOpenRun, joinRun } from './join-run';
import type { PipelineRef, RunHandle } from './run-handle';

/**
 * Asks for the cancellation and returns at once; a worker then cleans up.
 * @throws FlexetlError RUN_NOT_FOUND when no run is open
 */
export async function cancelRun(client: Client, of: PipelineRef): Promise<RunHandle> {
  const open = await findOpenRun(client, of);
  if (!open) {
    throw new FlexetlError('RUN_NOT_FOUND', {
      message: `No run of ${of.pipeline} is open.`,
      hint: 'See `flexetl status`.',
    });
  }
  const handle = joinRun(client, open);
  await handle.cancel();
  return handle;
}
