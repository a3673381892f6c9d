/** `flexetl run`: starts the workflow, or joins the run that is open; works, watches, reports. */
import { randomUUID } from 'node:crypto';
import type { RunHandle } from '../control/run-handle';
import type { StartRequest } from '../control/start-run';
import { digestRequest } from '../pipeline/config/parse';
import { FlexetlError } from '../pipeline/errors';
import { mintRunKey, RUN_KEY } from '../pipeline/run-key';
import type { Project } from '../runtime/project';
import type { CommandContext } from './context';
import { loadPipeline, type LoadedPipeline, type PipelineOptions } from './load-pipeline';
import { openLog, openSession } from './session';

export interface RunOptions extends PipelineOptions {
  runKey?: string;
  again?: boolean;
  detach?: boolean;
  /** Take whatever run is open. */
  join?: boolean;
  /** False with --no-wait. */
  wait: boolean;
  /** False with --no-worker. */
  worker: boolean;
}

export async function runCommand(
  context: CommandContext,
  name: string | undefined,
  options: RunOptions,
): Promise<number> {
  assertRunKey(options.runKey);
  // The worker resolves the pipeline again. It is done here too, so that errors are shown at once.
  const pipeline = await loadPipeline(context, name, options);
  const log = openLog(context, pipeline.config.monitoring.logging);
  const { detach = false } = options;
  // Loading the worker takes as long as the server needs to start.
  const loadWorker = () => import('../worker/create-worker.js');
  const works = options.worker && !detach;
  const session = await openSession(context, {
    works,
    ...(works && { whileStarting: () => void loadWorker() }),
  });
  try {
    const { announce, followRun, waitForEnd } = await import('./follow-run.js');
    const { startOrJoin } = await import('./start-or-join.js');
    // The worker first: a workflow without a poller waits two seconds in the server's queue.
    const worker = works
      ? await (
          await loadWorker()
        ).startWorker(session.server, session.project, context.settings, log, { oneThread: true })
      : undefined;
    try {
      session.stopped.throwIfAborted();
      const client = worker?.client ?? session.client;
      const request = requestOf(session.project, pipeline, options, worker !== undefined);
      const { runKey, join = false } = options;
      const asked = { request, runKey, join, wait: options.wait && !detach };
      const follow = (handle: RunHandle) => ({ client, handle, log, workerDone: worker?.done });
      const found = await startOrJoin(context, client, asked, (other) =>
        waitForEnd(context, session, follow(other)),
      );
      if (detach) return announce(context, session, found);
      return await followRun(context, session, follow(found.handle), found.joined);
    } finally {
      await worker?.stop();
    }
  } finally {
    await session.close();
    log.flush();
  }
}

/** @throws FlexetlError USAGE */
function assertRunKey(key: string | undefined): void {
  if (key === undefined || RUN_KEY.test(key)) return;
  throw new FlexetlError('USAGE', {
    message: `--run-key is ${JSON.stringify(key)}.`,
    hint: 'Give 1 to 200 printable characters, as in 2026-11-23.',
  });
}

function requestOf(
  { name: project, staging, taskQueue }: Project,
  { config, text, file, overrides }: LoadedPipeline,
  { runKey, again = false }: RunOptions,
  eager: boolean,
): StartRequest {
  return {
    input: {
      project,
      ...(staging !== undefined && { staging }),
      name: config.name,
      text,
      file,
      overrides,
      request_digest: digestRequest({ text, overrides, config, staging, again }),
      // Part of the input, so that it survives a reset of the workflow.
      run_key: runKey ?? mintRunKey(new Date(), randomUUID()),
      // A key that the user gives says that this is another load.
      again: again || runKey !== undefined,
    },
    taskQueue,
    summary: `${config.source.type} → ${config.targets.map((target) => target.type).join(', ')}`,
    eager,
  };
}
