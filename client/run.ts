/** `flexetl run`: starts the workflow, or joins the run that is open; works, watches, reports. */
import { randomUUID } from 'node:crypto';
import type { StartRequest } from '../control/start-run';
import { digestRequest } from '../pipeline/config/parse';
import { FlexetlError } from '../pipeline/errors';
import { mintRunKey, RUN_KEY } from '../pipeline/run-key';
import type { Project } from '../runtime/project';
import type { CommandContext } from './context';
import { selectPipelines, type LoadedPipeline, type SelectOptions } from './load-pipeline';
import { openLog } from './session';
import { withWorkingSession, type WorkingSession } from './working-session';

export interface RunOptions extends SelectOptions {
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

/** Runs several pipelines one after the other; one that fails does not stop those after it. */
export async function runCommand(
  context: CommandContext,
  names: readonly string[],
  options: RunOptions,
): Promise<number> {
  assertRunKey(options.runKey);
  const asked = await selectPipelines(context, names, options);
  // The worker resolves a pipeline again. It is done here too, so that errors are shown at once.
  const [first] = asked.length === 1 ? [await asked[0].load()] : [];
  const log = openLog(context, first?.config.monitoring.logging);
  return withWorkingSession(context, options.worker && !options.detach, log, async (opened) => {
    if (first) return runOne(context, opened, first, options);
    const { runEach } = await import('./run-each.js');
    return runEach(context, asked, opened.session.stopped, (one, pipeline) =>
      runOne(one, opened, pipeline, options),
    );
  });
}

/** @returns the exit code */
async function runOne(
  context: CommandContext,
  { session, client, works, follow }: WorkingSession,
  pipeline: LoadedPipeline,
  options: RunOptions,
): Promise<number> {
  const { announce, followRun, waitForEnd } = await import('./follow-run.js');
  const { startOrJoin } = await import('./start-or-join.js');
  const request = requestOf(session.project, pipeline, options, works);
  const { runKey, join = false, detach = false } = options;
  const asked = { request, runKey, join, wait: options.wait && !detach };
  const found = await startOrJoin(context, client, asked, (other) =>
    waitForEnd(context, session, follow(other)),
  );
  if (detach) return announce(context, session, found);
  return followRun(context, session, follow(found.handle), found.joined);
}

/** @throws FlexetlError USAGE */
function assertRunKey(key: string | undefined): void {
  if (key === undefined || RUN_KEY.test(key)) return;
  throw new FlexetlError('USAGE', {
    message: `--run-key is ${JSON.stringify(key)}.`,
    hint: 'Give 1 to 200 printable characters, as in 2026-11-23.',
  });
}

/** The request of a run of a pipeline, as it is written now. */
export function requestOf(
  { name: project, staging, taskQueue }: Project,
  { config, text, file, overrides, defaults, environment }: LoadedPipeline,
  { runKey, again = false }: Pick<RunOptions, 'runKey' | 'again'>,
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
      ...(defaults && { defaults }),
      ...(environment !== undefined && { environment }),
      request_digest: digestRequest({ text, overrides, config, staging, environment, again }),
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
