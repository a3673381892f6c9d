/** `flexetl dlq list | show | export | discard`: the records that failed, and what becomes of them. */
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import type { DeadLetter } from '../pipeline/dead-letter';
import { FlexetlError } from '../pipeline/errors';
import { count, many } from '../pipeline/markdown';
import { listPipelines } from '../runtime/config-file';
import { formatLetters, type LetterFormat } from '../runtime/dead-letters/corrections';
import { listQueues, removeQueue, type Queue } from '../runtime/dead-letters/queue';
import { openLetters, readState, type QueueState } from '../runtime/dead-letters/replays';
import { EXIT, type CommandContext } from './context';
import { loadPipeline } from './load-pipeline';
import { formatTable, printJson, printLine, printNote } from './print';
import { wholeNumber } from './whole-number';

export interface QueueOptions {
  runKey?: string;
}

/** A queue, and what of it is still to be replayed. */
interface OpenedQueue extends Queue {
  state: QueueState;
  open: number;
}

/** `dlq list`. @param name of a pipeline; absent: of all */
export async function dlqCommand(context: CommandContext, name: string | undefined): Promise<number> {
  const names = name === undefined ? await listPipelines(context.settings.projectDir) : [name];
  const queues = (await Promise.all(names.map((one) => openQueues(context, one)))).flat();
  if (context.json) printJson(context, queues.map(describe));
  else if (queues.length === 0) printLine(context, 'There are no dead letters.');
  else {
    const rows = queues.map(({ head, open, keptBytes, newer, state }) => [
      head.pipeline,
      head.run_key,
      count(open),
      count(head.records),
      rulesOf(head.by_rule),
      keptBytes === 0 ? '' : `${count(Math.ceil(keptBytes / 1024))} KiB`,
      [
        state.pending && `replay ${state.pending.number} has not ended`,
        newer && `run ${newer.run_key} has loaded since`,
      ]
        .filter((note) => note !== undefined)
        .join('; '),
    ]);
    const header = ['pipeline', 'run key', 'open', 'of', 'failed rules', 'kept rows', 'note'];
    for (const line of formatTable(header, rows)) printLine(context, line);
  }
  return EXIT.done;
}

export async function dlqShowCommand(
  context: CommandContext,
  name: string,
  options: QueueOptions & { limit: string },
): Promise<number> {
  const limit = wholeNumber('--limit', options.limit);
  const queue = await findQueue(context, name, options);
  const letters: DeadLetter[] = [];
  for await (const letter of openLetters(queue, queue.state)) {
    if (letters.length === limit) break;
    letters.push(letter);
  }
  if (context.json) {
    printJson(context, { ...describe(queue), letters });
    return EXIT.done;
  }
  printLine(context, `Run ${queue.head.run_key} of ${name}: ${describeOpen(queue)}. ${queue.path}`);
  for (const { letter, file, line, failures, raw } of letters) {
    printLine(context);
    printLine(context, `letter ${letter}  ${file}:${line}`);
    for (const { column, rule, reason, value } of failures) {
      const what = [column, value === null ? null : JSON.stringify(value)].filter((text) => text !== null);
      printLine(context, `  ${[...what, reason].join(' ')} (${rule})`);
    }
    printLine(context, `  | ${raw.replace(/\r?\n/g, '\n  | ')}`);
  }
  if (letters.length < queue.open)
    printNote(context, `The first ${letters.length} of ${count(queue.open)} are shown: --limit shows more.`);
  return EXIT.done;
}

/** The open letters as a file to correct. */
export async function dlqExportCommand(
  context: CommandContext,
  name: string,
  { format, output, ...options }: QueueOptions & { format?: LetterFormat; output?: string },
): Promise<number> {
  const queue = await findQueue(context, name, options);
  const isCsv = format === 'csv' || (format === undefined && /\.csv$/i.test(output ?? ''));
  const lines = formatLetters(queue.head, openLetters(queue, queue.state), isCsv ? 'csv' : 'ndjson');
  if (output === undefined) {
    for await (const line of lines) context.stdout.write(line);
    return EXIT.done;
  }
  await pipe(
    Readable.from(lines),
    createWriteStream(resolve(context.cwd, output), { flags: 'wx', mode: 0o600 }),
  ).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new FlexetlError('USAGE', {
      message: `The file ${output} exists.`,
      hint: 'It may have corrections: give another name, or remove it.',
    });
  });
  printNote(
    context,
    `${many(queue.open, 'letter')} in ${output}. Correct the values and remove what is not to be replayed, then: flexetl dlq replay ${name} ${output}`,
  );
  if (context.json) printJson(context, { ...describe(queue), output });
  return EXIT.done;
}

/** Gives the letters of a run up: of one, or of all runs of the pipeline. */
export async function dlqDiscardCommand(
  context: CommandContext,
  name: string,
  { all = false, ...options }: QueueOptions & { all?: boolean },
): Promise<number> {
  const queues = all ? await openQueues(context, name) : [await findQueue(context, name, options)];
  for (const { state, head } of queues)
    if (state.pending)
      throw new FlexetlError('REPLAY_REFUSED', {
        message: `Replay ${state.pending.number} of run ${head.run_key} has not ended: its letters may be loaded.`,
        hint: `End it first: flexetl dlq replay ${name} --run-key ${JSON.stringify(head.run_key)}`,
      });
  for (const queue of queues) {
    await removeQueue(queue);
    if (!context.json)
      printLine(context, `Discarded run ${queue.head.run_key} of ${name}: ${describeOpen(queue)}.`);
  }
  if (context.json) printJson(context, queues.map(describe));
  return EXIT.done;
}

/**
 * The queue of a run; without a run key the only one with open letters, or the only one.
 * @throws FlexetlError RUN_NOT_FOUND, USAGE where there are several
 */
export async function findQueue(
  context: CommandContext,
  name: string,
  { runKey }: QueueOptions,
): Promise<OpenedQueue> {
  const queues = await openQueues(context, name);
  const named = runKey === undefined ? queues : queues.filter(({ head }) => head.run_key === runKey);
  const open = named.filter((queue) => queue.open > 0 || queue.state.pending);
  const [one, ...others] = open.length > 0 ? open : named;
  if (one && others.length === 0) return one;
  if (!one)
    throw new FlexetlError('RUN_NOT_FOUND', {
      message: `${name} has no dead letters${runKey === undefined ? '' : ` of a run ${runKey}`}.`,
      hint: 'See `flexetl dlq list`.',
    });
  const keys = [one, ...others].map(({ head }) => head.run_key);
  throw new FlexetlError('USAGE', {
    message: `${name} has dead letters of several runs: ${keys.join(', ')}.`,
    hint: `Name one: --run-key ${JSON.stringify(keys[0])}`,
  });
}

async function openQueues(context: CommandContext, name: string): Promise<OpenedQueue[]> {
  const { config } = await loadPipeline(context, name, {});
  const { path } = config.fault_tolerance.dead_letter_queue;
  const queues = await listQueues(context.settings.projectDir, path, config.name);
  return Promise.all(
    queues.map(async (queue) => {
      const state = await readState(queue);
      return { ...queue, state, open: queue.head.records - state.replayed.size };
    }),
  );
}

export function describeOpen({ head, open }: Pick<OpenedQueue, 'head' | 'open'>): string {
  return `${count(open)} of ${many(head.records, 'letter')} open`;
}

function describe({ head, path, open, keptBytes, newer, state }: OpenedQueue) {
  const { pipeline, run_key, created_at, config_digest, read, records, by_rule, columns } = head;
  return {
    ...{ pipeline, run_key, path, created_at, config_digest, read, records, open },
    replayed: state.replayed.size,
    ...{ by_rule, columns, kept_bytes: keptBytes },
    ...(newer && { newer_run: newer }),
    ...(state.pending && { replay: state.pending }),
  };
}

function rulesOf(byRule: Readonly<Record<string, number>>): string {
  return Object.entries(byRule)
    .map(([rule, records]) => `${rule} ${count(records)}`)
    .join(', ');
}
