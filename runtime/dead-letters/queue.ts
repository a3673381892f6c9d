/**
 * A dead-letter queue as a folder: `queue.json`, `letters.ndjson`, `parts/` with kept rows, and `replays/`. The letters
 * never change. A queue is written as a draft beside its place, and gets its name when its run publishes.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DeadLetter, QueueHead } from '../../pipeline/dead-letter';
import { makeFolders } from '../folders';
import { projectPath } from '../settings';
import { ignoreMissing, syncPath, writeDurably } from '../staging/durable-file';
import { safeName } from '../staging/local';

const HEAD = 'queue.json';
const LETTERS = 'letters.ndjson';
const PARTS = 'parts';
const NEWER = 'newer.json';
const DRAFT = '.draft-';

/** A newer run that has loaded the pipeline since. */
export interface NewerRun {
  run_key: string;
  /** ISO 8601, UTC. */
  published_at: string;
}

export interface Queue {
  head: QueueHead;
  /** Relative to the project. */
  path: string;
  /** Absolute. */
  dir: string;
  newer?: NewerRun;
  /** Of the kept rows. */
  keptBytes: number;
}

/**
 * Where the queue of a run is, relative to the project. A pipeline `a/b` has one folder, for two would be the queue of
 * run `b` of the pipeline `a`.
 * @param root `dead_letter_queue.path`
 */
export function queuePath(root: string, pipeline: string, runKey: string): string {
  return join(root, safeName(pipeline), safeName(runKey));
}

/** The absolute folder in which a run writes its queue before it publishes. */
export function draftDir(projectDir: string, path: string): string {
  const dir = projectPath(projectDir, path);
  return join(dirname(dir), DRAFT + dir.slice(dirname(dir).length + 1));
}

export const lettersFile = (dir: string): string => join(dir, LETTERS);
export const keptFile = (dir: string, part: number): string =>
  join(dir, PARTS, `${String(part).padStart(5, '0')}.parquet`);

/** Written last: a folder without it is no queue. */
export async function writeHead(dir: string, head: QueueHead): Promise<void> {
  await syncPath(lettersFile(dir));
  await writeDurably(join(dir, HEAD), `${JSON.stringify(head, null, 2)}\n`);
}

/** Gives a draft its name. Fine when there is none, or another attempt was faster. */
export async function revealQueue(projectDir: string, path: string): Promise<void> {
  const [draft, dir] = [draftDir(projectDir, path), projectPath(projectDir, path)];
  const isDone = await rename(draft, dir).then(
    () => true,
    (error: unknown) => {
      if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      return ignoreMissing(error) ?? true;
    },
  );
  if (!isDone && (await readHead(draft))) {
    // The key has other rows than before: its table was dropped.
    const old = `${draft}-${randomUUID()}`;
    await rename(dir, old).catch(ignoreMissing);
    await rename(draft, dir).catch(ignoreMissing);
    // What is no queue is not ours.
    if (await readHead(old)) await rm(old, { recursive: true, force: true });
  }
  await syncPath(dirname(dir)).catch(ignoreMissing);
}

export async function removeDraft(projectDir: string, path: string): Promise<void> {
  await rm(draftDir(projectDir, path), { recursive: true, force: true });
}

/** @returns undefined where there is no queue */
export async function readHead(dir: string): Promise<QueueHead | undefined> {
  return readJson<QueueHead>(join(dir, HEAD));
}

/** @param path relative to the project */
export async function openQueue(projectDir: string, path: string): Promise<Queue | undefined> {
  const dir = projectPath(projectDir, path);
  const head = await readHead(dir);
  if (!head) return undefined;
  const newer = await readJson<NewerRun>(join(dir, NEWER));
  return { head, path, dir, ...(newer && { newer }), keptBytes: await sizeOf(join(dir, PARTS)) };
}

/** All queues of a pipeline, the oldest first. */
export async function listQueues(projectDir: string, root: string, pipeline: string): Promise<Queue[]> {
  const folder = dirname(queuePath(root, pipeline, 'run'));
  const names = (await readdir(projectPath(projectDir, folder)).catch(ignoreMissing)) ?? [];
  const found = await Promise.all(
    names.filter((name) => !name.startsWith('.')).map((name) => openQueue(projectDir, join(folder, name))),
  );
  return found
    .flatMap((queue) => (queue?.head.pipeline === pipeline ? [queue] : []))
    .sort((a, b) => (a.head.created_at < b.head.created_at ? -1 : 1));
}

/** Marks the queues of earlier runs of a pipeline: its targets have newer rows now. @returns those queues */
export async function noteNewer(
  projectDir: string,
  root: string,
  pipeline: string,
  newer: NewerRun,
): Promise<Queue[]> {
  const queues = await listQueues(projectDir, root, pipeline);
  const older = queues.filter(({ head }) => head.run_key !== newer.run_key);
  for (const { dir } of older) await writeDurably(join(dir, NEWER), JSON.stringify(newer));
  return older;
}

/** Frees the kept rows of a queue: no replay needs them any more. */
export async function freeParts({ dir }: Pick<Queue, 'dir'>): Promise<void> {
  await rm(join(dir, PARTS), { recursive: true, force: true });
}

export async function removeQueue({ dir }: Pick<Queue, 'dir'>): Promise<void> {
  // Without its head it is no queue, also if the rest cannot be removed.
  await rm(join(dir, HEAD), { force: true });
  await rm(dir, { recursive: true, force: true });
}

/** The letters of a file, in order; none where it does not exist. */
export async function* readLetters(file: string): AsyncGenerator<DeadLetter> {
  if ((await stat(file).catch(ignoreMissing)) === undefined) return;
  let rest = '';
  // Not `readline`, for which U+2028 ends a line.
  for await (const text of createReadStream(file, 'utf8')) {
    const lines = (rest + String(text)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as DeadLetter;
  }
}

/** Writes a file of letters, one a line. @returns how many */
export async function writeLetters(file: string, letters: AsyncIterable<DeadLetter>): Promise<number> {
  makeFolders(dirname(file), 0o700);
  const handle = await open(file, 'w', 0o600);
  try {
    let count = 0;
    let text = '';
    for await (const letter of letters) {
      text += `${JSON.stringify(letter)}\n`;
      count += 1;
      if (text.length < WRITE_CHARS) continue;
      await handle.write(text);
      text = '';
    }
    await handle.write(text);
    await handle.sync();
    return count;
  } finally {
    await handle.close();
  }
}

const WRITE_CHARS = 1024 * 1024;

export async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreMissing);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

async function sizeOf(folder: string): Promise<number> {
  const names = (await readdir(folder).catch(ignoreMissing)) ?? [];
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
