/** Folders of dead-letter queues: none is that of another one, or of somebody else. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { QueueHead } from '../../pipeline/dead-letter';
import {
  draftDir,
  lettersFile,
  listQueues,
  queuePath,
  revealQueue,
  writeHead,
  writeLetters,
} from '../../runtime/dead-letters/queue';
import { makeFolder } from '../support/folder';

const ROOT = 'failed_records';

/** Publishes a queue without letters. */
async function publishQueue(dir: string, pipeline: string, run_key: string): Promise<void> {
  const path = queuePath(ROOT, pipeline, run_key);
  const draft = draftDir(dir, path);
  await writeLetters(lettersFile(draft), (async function* () {})());
  await writeHead(draft, { pipeline, run_key, created_at: '2026-01-01' } as QueueHead);
  await revealQueue(dir, path);
}

const keysOf = async (dir: string, pipeline: string): Promise<string[]> =>
  (await listQueues(dir, ROOT, pipeline)).map(({ head }) => head.run_key);

it('the queue of a run is not that of a pipeline in a folder', async () => {
  const dir = makeFolder();
  await publishQueue(dir, 'fin/led', 'd1');
  await publishQueue(dir, 'fin', 'led');
  expect(await keysOf(dir, 'fin/led')).toEqual(['d1']);
  expect(await keysOf(dir, 'fin')).toEqual(['led']);
  const below = relative(queuePath(ROOT, 'fin', 'led'), queuePath(ROOT, 'fin/led', 'd1'));
  expect(below.startsWith('..')).toBe(true);
});

it('a folder of somebody else in its place is moved aside, and nothing in it is lost', async () => {
  const dir = makeFolder();
  const place = join(dir, queuePath(ROOT, 'sales', 'k'));
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'mine.txt'), 'mine');
  await publishQueue(dir, 'sales', 'k');
  expect(await keysOf(dir, 'sales')).toEqual(['k']);
  const kept = readdirSync(dirname(place), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('mine.txt'));
  expect(kept.map((name) => readFileSync(join(dirname(place), name), 'utf8'))).toEqual(['mine']);
});
