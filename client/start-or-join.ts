/** The run that a command asks for: started, joined if the open one is the same, or started after the open one. */
import type { Client } from '@temporalio/client';
import { joinRun, type OpenRun } from '../control/join-run';
import type { RunHandle } from '../control/run-handle';
import { startRun, type StartRequest } from '../control/start-run';
import { FlexetlError } from '../pipeline/errors';
import { buildId } from '../worker/bundle';
import type { CommandContext } from './context';
import { printNote } from './print';

export interface Asked {
  request: StartRequest;
  /** As the user gave it. */
  runKey: string | undefined;
  /** Whatever run is open will do. */
  join: boolean;
  /** Wait until a run that is another one has ended. */
  wait: boolean;
}

/** @throws FlexetlError RUN_IN_PROGRESS when another run is open and must not be waited for */
export async function startOrJoin(
  context: CommandContext,
  client: Client,
  asked: Asked,
  waitForEnd: (other: RunHandle) => Promise<void>,
): Promise<{ handle: RunHandle; joined: boolean; runKey: string | undefined }> {
  for (;;) {
    const result = await startRun(client, asked.request);
    if ('started' in result) {
      return { handle: result.started, joined: false, runKey: asked.request.input.run_key };
    }
    const { open } = result;
    const difference = findDifference(open, asked);
    const run = `${open.runKey === undefined ? 'a run' : `run ${open.runKey}`}, open since ${open.startedAt.toISOString()}`;
    if (difference === undefined) {
      printNote(context, `Resuming ${run}.`);
      noteBuild(context, open);
      return { handle: joinRun(client, open), joined: true, runKey: open.runKey };
    }
    if (!asked.wait) throw inProgress(open, run, difference);
    printNote(
      context,
      open.cancelRequested
        ? `Cleaning up cancelled ${run}, first.`
        : `Waiting for ${run}: ${difference}. Then the run that is asked for starts. (--join joins the open one instead)`,
    );
    noteBuild(context, open);
    await waitForEnd(joinRun(client, open));
  }
}

/** Why the open run is not the one that is asked for; undefined if it is. */
function findDifference(open: OpenRun, { request, runKey, join }: Asked): string | undefined {
  if (open.cancelRequested) return 'it is being cancelled';
  if (join) return undefined;
  if (open.staging !== undefined && open.staging !== request.input.staging)
    return `it belongs to another checkout of the project, with the staging store ${open.staging}`;
  if (runKey !== undefined && runKey !== open.runKey) return 'it has another run key';
  if (open.requestDigest === undefined) return 'it was started by the name of the pipeline';
  if (open.requestDigest === request.input.request_digest) return undefined;
  return 'it has another pipeline file, other --set, or other variables';
}

function noteBuild(context: CommandContext, { build }: OpenRun): void {
  const own = buildId();
  if (build === undefined || build === own) return;
  printNote(context, `It was worked on by another build, ${build}; this command is ${own}.`);
}

function inProgress(open: OpenRun, run: string, difference: string): FlexetlError {
  return new FlexetlError('RUN_IN_PROGRESS', {
    message: `Another run of ${open.pipeline} is in progress: ${run}. It is not the one that is asked for: ${difference}.`,
    hint: `Run without --detach and --no-wait to wait for it, with --join to join it, or end it: flexetl cancel ${open.pipeline}.`,
  });
}
