/** Replays dead-letter queues through the engine, as `flexetl dlq replay` does through the workflow. */
import type { DeadLetter, LetterData } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import { parseCorrections } from '../../runtime/dead-letters/corrections';
import { listQueues, type Queue } from '../../runtime/dead-letters/queue';
import { openLetters, readState, startReplay } from '../../runtime/dead-letters/replays';
import type { RunState } from '../../workflows/run-state';
import { runPipeline, type RunOptions } from './run-case';

/** The one queue of a pipeline, or that of a run. */
export async function queueOf(dir: string, pipeline: string, runKey?: string): Promise<Queue> {
  const queues = await listQueues(dir, 'failed_records/', pipeline);
  const found = runKey === undefined ? queues : queues.filter(({ head }) => head.run_key === runKey);
  const [queue] = found;
  if (!queue || found.length > 1) throw new Error(`${found.length} queues`);
  return queue;
}

export async function lettersIn(queue: Queue): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of openLetters(queue, await readState(queue))) letters.push(letter);
  return letters;
}

/**
 * @param correct the data of a letter; undefined: it is not in the file. Absent: there is no file
 * @returns undefined where there was nothing to replay
 */
export async function replayQueue(
  dir: string,
  queue: Queue,
  correct?: (letter: DeadLetter) => LetterData | undefined,
  options: RunOptions = {},
): Promise<RunState | undefined> {
  const lines = correct && (await lettersIn(queue)).map((letter) => ({ ...letter, data: correct(letter) }));
  const text = lines?.map((line) => (line.data ? `${JSON.stringify(line)}\n` : '')).join('');
  const corrections = text === undefined ? undefined : parseCorrections(queue.head, text, 'fix.ndjson');
  const { replay } = await startReplay(queue, corrections);
  if (!replay) return undefined;
  const ref = { queue: queue.path, number: replay.number };
  return runPipeline(dir, 'pipeline.yaml', { ...options, runKey: replay.run_key, replay: ref });
}

export async function refusalOf(work: Promise<unknown>): Promise<FlexetlError> {
  const found = await work.catch((error: unknown) => error);
  if (found instanceof FlexetlError) return found;
  throw new Error(`No refusal, but ${found instanceof Error ? String(found.stack) : JSON.stringify(found)}`);
}
