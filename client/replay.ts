/** `flexetl dlq replay`: corrected records through the pipeline as it is now, from extract on, exactly once. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { digestOf } from '../pipeline/config/parse';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { count, many } from '../pipeline/markdown';
import { parseCorrections } from '../runtime/dead-letters/corrections';
import { readState, startReplay, type StartedReplay } from '../runtime/dead-letters/replays';
import { EXIT, type CommandContext } from './context';
import { describeOpen, findQueue, type QueueOptions } from './dlq';
import { loadPipeline } from './load-pipeline';
import { printJson, printLine, printNote } from './print';
import { requestOf } from './run';
import { openLog } from './session';
import { withWorkingSession } from './working-session';

export interface ReplayOptions extends QueueOptions {
  /** Also where a newer run has loaded since. */
  overNewer?: boolean;
  detach?: boolean;
  /** False with --no-worker. */
  worker: boolean;
}

/** @param file of corrected letters; absent: all open letters as they are, or the replay that has not ended */
export async function replayCommand(
  context: CommandContext,
  name: string,
  file: string | undefined,
  options: ReplayOptions,
): Promise<number> {
  const { detach = false, overNewer = false, worker } = options;
  const pipeline = await loadPipeline(context, name, {});
  const queue = await findQueue(context, name, options);
  const corrections =
    file === undefined ? undefined : parseCorrections(queue.head, await readCorrected(context, file), file);
  const started = await startReplay(queue, corrections);
  const { replay } = started;
  for (const note of notesOf(started)) printNote(context, note);
  if (!replay) return nothingToReplay(context, queue);
  const log = openLog(context, pipeline.config.monitoring.logging);
  return withWorkingSession(context, worker && !detach, log, async ({ session, client, works, follow }) => {
    const { announce, followRun, waitForEnd } = await import('./follow-run.js');
    const { startOrJoin } = await import('./start-or-join.js');
    const ref = { queue: queue.path, number: replay.number, ...(overNewer && { overNewer }) };
    const plain = requestOf(session.project, pipeline, { runKey: replay.run_key }, works);
    const request_digest = digestOf({ request: plain.input.request_digest, ref });
    const request = {
      ...plain,
      input: { ...plain.input, request_digest, replay: ref },
      summary: `replay ${replay.number} of run ${queue.head.run_key}`,
    };
    const asked = { request, runKey: replay.run_key, join: false, wait: !detach };
    const found = await startOrJoin(context, client, asked, (other) =>
      waitForEnd(context, session, follow(other)),
    );
    if (detach) return announce(context, session, found);
    const exit = await followRun(context, session, follow(found.handle), found.joined, true);
    const state = await readState(queue);
    const open = queue.head.records - state.replayed.size;
    printNote(context, `Run ${queue.head.run_key}: ${describeOpen({ head: queue.head, open })}.`);
    if (state.pending)
      printNote(context, `To go on with replay ${replay.number}: flexetl dlq replay ${name}`);
    return exit;
  });
}

async function readCorrected({ cwd }: CommandContext, file: string): Promise<string> {
  return readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    throw new FlexetlError('USAGE', { message: `${file} cannot be read: ${messageOf(error)}.` });
  });
}

function notesOf({ replay, resumed, replayed, broken }: StartedReplay): string[] {
  return [
    ...(resumed && replay ? [`Replay ${replay.number} has not ended: it goes on.`] : []),
    ...(replayed > 0 ? [`${many(replayed, 'letter')} left out: replayed before.`] : []),
    ...(broken > 0
      ? [`${many(broken, 'broken record')} left out: give ${broken === 1 ? 'it' : 'them'} "data" in a file.`]
      : []),
  ];
}

function nothingToReplay(context: CommandContext, queue: Parameters<typeof describeOpen>[0]): number {
  const { run_key, pipeline, records } = queue.head;
  if (context.json) printJson(context, { pipeline, run_key, records, open: queue.open, replayed: 0 });
  else
    printLine(
      context,
      `Nothing is replayed: run ${run_key} of ${pipeline} has ${count(queue.open)} of ${many(records, 'letter')} open.`,
    );
  return EXIT.done;
}
