/** A folder of files whose writer is killed: what readers of the manifest find, and what the next attempt makes of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenTarget, Part, Published } from '../../plugin/target';
import { readManifest } from '../../targets/files/manifest';
import { OWN_FOLDER } from '../../targets/files/place';
import { USERS_MANIFEST } from '../../targets/files/show';
import { fakeLines } from '../support/fake-file-target';
import { makeFolder } from '../support/folder';
import { contextOf, makePart, queryPart, slicePart } from '../support/parts';
import { KEY, QUERY, ROWS, SCHEMA } from './target-job';

let part: Part;
beforeAll(async () => (part = await queryPart(SCHEMA, QUERY, ROWS)));

let dir: string;
let folder: string;
beforeEach(() => {
  dir = makeFolder();
  folder = join(dir, 'out');
});

const target = (): OpenTarget => fakeLines.open({ path: 'out', mode: 'replace' }, contextOf(dir));

async function loadAndPublish(): Promise<Published> {
  for (const index of [0, 1]) {
    expect(await target().load(KEY, slicePart(part, (index * ROWS) / 2, ROWS / 2, index))).toEqual({
      rows: ROWS / 2,
    });
  }
  return target().publish(KEY, SCHEMA, ROWS);
}

async function publishOld(): Promise<void> {
  const key = { ...KEY, runKey: 'old' };
  await target().load(key, await makePart(SCHEMA, [['-1', 'old']]));
  await target().publish(key, SCHEMA, 1);
}

/** Ids as a reader of the manifest finds them. */
async function readIds(): Promise<number[]> {
  const { files } = await readManifest(join(folder, OWN_FOLDER));
  const lines = files.flatMap(({ path }) => readFileSync(join(folder, path), 'utf8').trim().split('\n'));
  return lines.map((line) => Number((JSON.parse(line) as string[])[0]));
}

/** Kills the process that loads as soon as it has said a word, or some turns later. */
async function killAt(word: string, laterMs = 0): Promise<void> {
  const run = join(__dirname, '../support/run-ts.js');
  const args = ['--require', run, join(__dirname, 'file-child.ts'), dir, part.path];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString();
    if (said.includes(word)) setTimeout(() => child.kill('SIGKILL'), laterMs);
  });
  await exited;
  expect(said).toContain(word);
}

const EVERY_ID = Array.from({ length: ROWS }, (_, id) => id);

describe('a load into files that is killed', () => {
  it.each([
    ['in the middle of a part', 'written', 0],
    ['between two parts', 'loaded 0', 0],
    ['as it begins to publish', 'publishing', 0],
    ['while it publishes', 'publishing', 3],
    ['while it publishes, later', 'publishing', 8],
    ['after it has published', 'published', 0],
  ])('%s shows the old files or the new ones, and ends with each row once', async (_, word, laterMs) => {
    await publishOld();
    await killAt(word, laterMs);
    expect([1, ROWS]).toContain((await readIds()).length);
    expect(await loadAndPublish()).toEqual({ rows: ROWS, inserted: ROWS, updated: 0 });
    expect(await readIds()).toEqual(EVERY_ID);
    const { files } = await readManifest(join(folder, OWN_FOLDER));
    const paths = files.map(({ path }) => path);
    expect(readdirSync(folder).sort()).toEqual([OWN_FOLDER, USERS_MANIFEST, ...paths].sort());
    expect(readdirSync(join(folder, OWN_FOLDER))).toHaveLength(1);
  });

  it('leaves nothing once it is discarded', async () => {
    await publishOld();
    await killAt('loaded 0');
    await target().discard(KEY);
    expect(await readIds()).toEqual([-1]);
    expect(readdirSync(folder)).toHaveLength(3);
    expect(readdirSync(join(folder, OWN_FOLDER))).toHaveLength(1);
  });
});

describe('a folder with several writers', () => {
  it('gets the files of all that append at the same time', async () => {
    const append = (): OpenTarget => fakeLines.open({ path: 'out', mode: 'append' }, contextOf(dir));
    const writers = Array.from({ length: 6 }, (_, id) => ({ id, key: { ...KEY, runKey: `run ${id}` } }));
    await Promise.all(
      writers.map(async ({ id, key }) => append().load(key, await makePart(SCHEMA, [[String(id), null]]))),
    );
    await Promise.all(writers.map(({ key }) => append().publish(key, SCHEMA, 1)));
    expect((await readIds()).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('keeps files that are not its own', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await publishOld();
    await loadAndPublish();
    expect(existsSync(join(folder, 'notes.txt'))).toBe(true);
  });

  it('that cannot be made is refused by check, with advice', async () => {
    writeFileSync(folder, 'a file');
    await expect(target().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INVALID',
      hint: expect.stringContaining('`path`') as string,
    });
  });
});
