/**
 * The replays of a queue, in `replays/<number>/`: the corrected letters that one reads, before it starts; those that
 * failed again, before it publishes; and that it has ended, last. A letter that was replayed is never replayed again.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash, randomUUID } from 'node:crypto';
import type { DeadLetter } from '../../pipeline/dead-letter';
import { FlexetlError } from '../../pipeline/errors';
import { syncPath, writeDurably } from '../staging/durable-file';
import type { Correction } from './corrections';
import { lettersFile, readJson, readLetters, writeLetters, type Queue } from './queue';

/** What a replay is, written before it starts. */
export interface ReplayHead {
  number: number;
  run_key: string;
  /** Digest of the letters. */
  digest: string;
  letters: number;
  /** ISO 8601, UTC. */
  created_at: string;
}

export interface QueueState {
  /** Replays that have ended, the first one first. */
  done: readonly ReplayHead[];
  /** One that was started and has not ended. */
  pending?: ReplayHead;
  /** Numbers of the letters that were replayed. */
  replayed: ReadonlySet<number>;
  /** Letters as they were when they failed again, by their numbers. */
  failedAgain: ReadonlyMap<number, DeadLetter>;
}

export const replayDir = (dir: string, number: number): string => join(dir, 'replays', String(number));
export const inputFile = (dir: string, number: number): string =>
  join(replayDir(dir, number), 'letters.ndjson');
const failedFile = (dir: string, number: number): string => join(replayDir(dir, number), 'failed.ndjson');

export async function readState({ dir }: Pick<Queue, 'dir'>): Promise<QueueState> {
  const done: ReplayHead[] = [];
  const replayed = new Set<number>();
  const failedAgain = new Map<number, DeadLetter>();
  for (let number = 1; ; number += 1) {
    const head = await readReplay(dir, number);
    if (!head) return { done, replayed, failedAgain };
    if (!(await readJson(join(replayDir(dir, number), 'done.json'))))
      return { done, pending: head, replayed, failedAgain };
    done.push(head);
    for await (const { letter } of readLetters(inputFile(dir, number))) replayed.add(letter);
    for await (const letter of readLetters(failedFile(dir, number))) {
      replayed.delete(letter.letter);
      failedAgain.set(letter.letter, letter);
    }
    for (const letter of failedAgain.keys()) if (replayed.has(letter)) failedAgain.delete(letter);
  }
}

/** The letters that are still to be replayed, as they failed last. */
export async function* openLetters(
  { dir }: Pick<Queue, 'dir'>,
  { replayed, failedAgain }: QueueState,
): AsyncGenerator<DeadLetter> {
  for await (const letter of readLetters(lettersFile(dir)))
    if (!replayed.has(letter.letter)) yield failedAgain.get(letter.letter) ?? letter;
}

/**
 * What a replay reads, in the order of the letters.
 * @param all with the letters of the replays before it, as they were loaded
 */
export async function replayedLetters(dir: string, number: number, all: boolean): Promise<DeadLetter[]> {
  const found = new Map<number, DeadLetter>();
  for (let of = all ? 1 : number; of <= number; of += 1) {
    for await (const letter of readLetters(inputFile(dir, of))) found.set(letter.letter, letter);
    if (of < number) for await (const { letter } of readLetters(failedFile(dir, of))) found.delete(letter);
  }
  return [...found.values()].sort((a, b) => a.letter - b.letter);
}

/** @returns undefined for a replay that was not started, or has loaded nothing and was taken back */
export function readReplay(dir: string, number: number): Promise<ReplayHead | undefined> {
  return readJson<ReplayHead>(join(replayDir(dir, number), 'replay.json'));
}

/** Of what is asked for. */
export interface StartedReplay {
  /** Undefined where there is no letter to replay. */
  replay?: ReplayHead;
  /** It was started before, and goes on. */
  resumed: boolean;
  /** Letters that were replayed before, and broken ones that nobody has corrected: they are left out. */
  replayed: number;
  broken: number;
}

/**
 * Writes what a replay reads. The same letters again are the same replay, as long as it has not ended.
 * @param corrections undefined: all open letters as they are
 * @throws FlexetlError REPLAY_REFUSED where another one has not ended; USAGE for a broken letter that lacks columns
 */
export async function startReplay(
  queue: Queue,
  corrections: readonly Correction[] | undefined,
): Promise<StartedReplay> {
  const { dir, head } = queue;
  const state = await readState(queue);
  if (state.pending && !corrections) return { replay: state.pending, resumed: true, replayed: 0, broken: 0 };
  const number = state.done.length + 1;
  const draft = join(dir, 'replays', `.${randomUUID()}`);
  const hash = createHash('sha256');
  const left = { replayed: 0, broken: 0 };
  const chosen = async function* (): AsyncGenerator<DeadLetter> {
    for await (const letter of chooseLetters(queue, state, corrections, left)) {
      hash.update(JSON.stringify([letter.letter, letter.data]));
      yield letter;
    }
  };
  try {
    const letters = await writeLetters(join(draft, 'letters.ndjson'), chosen());
    if (letters === 0) return { resumed: false, ...left };
    const digest = hash.digest('hex');
    const run_key = `${head.run_key.slice(0, 160)}.replay-${number}-${digest.slice(0, 8)}`;
    const replay = { number, run_key, digest, letters, created_at: new Date().toISOString() };
    await writeDurably(join(draft, 'replay.json'), `${JSON.stringify(replay, null, 2)}\n`);
    const isNew = await rename(draft, replayDir(dir, number)).then(
      () => true,
      (error: unknown) => {
        if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
        throw error;
      },
    );
    await syncPath(join(dir, 'replays'));
    const other = isNew ? undefined : await readReplay(dir, number);
    if (other && other.digest !== digest) throw notEnded(queue, other);
    return { replay: other ?? replay, resumed: other !== undefined, ...left };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The letters to replay, corrected, in their order. Counts what is left out. */
async function* chooseLetters(
  queue: Queue,
  state: QueueState,
  corrections: readonly Correction[] | undefined,
  left: { replayed: number; broken: number },
): AsyncGenerator<DeadLetter> {
  const { columns } = queue.head;
  const byLetter = corrections && new Map(corrections.map((one) => [one.letter, one]));
  for (const letter of byLetter?.keys() ?? []) if (state.replayed.has(letter)) left.replayed += 1;
  for await (const letter of openLetters(queue, state)) {
    const correction = byLetter?.get(letter.letter);
    if (byLetter && !correction) continue;
    const given = correction?.data;
    if (!letter.data && !given) {
      left.broken += 1;
      continue;
    }
    const missing = letter.data || !given ? undefined : columns.find((name) => !Object.hasOwn(given, name));
    if (missing !== undefined)
      throw new FlexetlError('USAGE', {
        message: `Letter ${letter.letter} is a broken record, and its correction has no column "${missing}".`,
        hint: `Give it all columns: ${columns.join(', ')}. null is a null.`,
      });
    yield { ...letter, data: { ...letter.data, ...given } };
  }
}

function notEnded({ head }: Queue, { number, letters }: ReplayHead): FlexetlError {
  return new FlexetlError('REPLAY_REFUSED', {
    message: `Replay ${number} of run ${head.run_key} has not ended, with ${letters} other letters or corrections.`,
    hint: `End it first: flexetl dlq replay ${head.pipeline} --run-key ${JSON.stringify(head.run_key)}, without a file.`,
  });
}

/** Before the replay publishes: the letters that stay in the queue. Done again, it replaces what it has written. */
export async function writeFailed(
  dir: string,
  number: number,
  letters: AsyncIterable<DeadLetter>,
): Promise<number> {
  const draft = `${failedFile(dir, number)}.${randomUUID()}.tmp`;
  try {
    const count = await writeLetters(draft, letters);
    await rename(draft, failedFile(dir, number));
    return count;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The replay has loaded its letters into every target: those that have not failed again leave the queue. */
export async function closeReplay(dir: string, number: number): Promise<void> {
  await writeDurably(
    join(replayDir(dir, number), 'done.json'),
    JSON.stringify({ at: new Date().toISOString() }),
  );
}

/** The replay has loaded nothing: its letters are open again. */
export async function dropReplay(dir: string, number: number): Promise<void> {
  const gone = join(dir, 'replays', `.${randomUUID()}`);
  await rename(replayDir(dir, number), gone).catch(() => undefined);
  await rm(gone, { recursive: true, force: true });
}
