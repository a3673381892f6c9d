/** Targets of files whose writer is killed: what readers find, and what the next attempt makes of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { OpenTarget, Part, Published } from '../../plugin/target';
import { readManifest } from '../../targets/files/manifest';
import { openPlace, OWN_FOLDER, USERS_MANIFEST } from '../../targets/files/place';
import { fakeLines } from '../support/fake-file-target';
import { makeFolder } from '../support/folder';
import { contextOf, makePart, queryPart, slicePart } from '../support/parts';
import { FILE_JOBS, FILE_QUERY, FILE_SCHEMA } from './file-job';
import { KEY, ROWS, SCHEMA } from './target-job';

let part: Part;
beforeAll(async () => (part = await queryPart(FILE_SCHEMA, FILE_QUERY, ROWS)));

let dir: string;
let folder: string;
beforeEach(() => {
  dir = makeFolder();
  folder = join(dir, 'out');
});

const EVERY_ID = Array.from({ length: ROWS }, (_, id) => id);

describe.each(Object.entries(FILE_JOBS))('a load into %s that is killed', (job, { open, readIds }) => {
  const target = (): OpenTarget => open(contextOf(dir));

  async function publishOld(): Promise<void> {
    const key = { ...KEY, runKey: 'old' };
    await target().load(key, await makePart(FILE_SCHEMA, [['-1', 'old', '0']]));
    await target().publish(key, FILE_SCHEMA, 1);
  }

  async function loadAndPublish(): Promise<Published> {
    await target().begin(KEY, false);
    for (const index of [0, 1]) {
      const slice = slicePart(part, (index * ROWS) / 2, ROWS / 2, index);
      expect(await target().load(KEY, slice)).toEqual({ rows: ROWS / 2 });
    }
    return target().publish(KEY, FILE_SCHEMA, ROWS);
  }

  /** Kills the process that loads as soon as it has said a word, or some turns later. */
  async function killAt(word: string, laterMs = 0): Promise<void> {
    const run = join(__dirname, '../support/run-ts.js');
    const args = ['--require', run, join(__dirname, 'file-child.ts'), dir, part.path, job];
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

  it.each([
    ['in the middle of a part', 'loading', 20],
    ['between two parts', 'loaded 0', 0],
    ['as it begins to publish', 'publishing', 0],
    ['while it publishes', 'publishing', 4],
    ['while it publishes, later', 'publishing', 12],
    ['after it has published', 'published', 0],
  ])('%s shows the old rows or the new ones, and ends with each row once', async (_, word, laterMs) => {
    await publishOld();
    await killAt(word, laterMs);
    expect([1, ROWS]).toContain((await readIds(dir)).length);
    expect(await loadAndPublish()).toEqual({ rows: ROWS, inserted: ROWS, updated: 0 });
    expect(await readIds(dir)).toEqual(EVERY_ID);
    await assertNothingElse();
  });

  it('leaves nothing once it is discarded', async () => {
    await publishOld();
    await killAt('publishing', 2);
    await target().begin({ ...KEY, runKey: 'next' }, false);
    expect([1, ROWS]).toContain((await readIds(dir)).length);
    await assertNothingElse();
  });

  /** Only files that readers are meant to find. */
  async function assertNothingElse(): Promise<void> {
    const place = openPlace(dir, job === 'one CSV file' ? 'out/x.csv' : 'out', /csv$/);
    const { files } = await readManifest(place.own);
    const shown = job === 'one CSV file' ? [] : [USERS_MANIFEST];
    const found = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    const own = found.filter((path) => path.startsWith(OWN_FOLDER));
    expect(own.map((path) => basename(path))).toEqual([expect.stringMatching(/^manifest-\d+\.json$/)]);
    expect(found.filter((path) => !path.startsWith(OWN_FOLDER)).sort()).toEqual(
      [...shown, ...files.map(({ path }) => path)].sort(),
    );
  }
});

describe('a folder with several writers', () => {
  it('gets the files of all that append at the same time', async () => {
    const append = (): OpenTarget => fakeLines.open({ path: 'out', mode: 'append' }, contextOf(dir));
    const writers = Array.from({ length: 6 }, (_, id) => ({ id, key: { ...KEY, runKey: `run ${id}` } }));
    await Promise.all(
      writers.map(async ({ id, key }) => append().load(key, await makePart(SCHEMA, [[String(id), null]]))),
    );
    await Promise.all(writers.map(({ key }) => append().publish(key, SCHEMA, 1)));
    expect((await FILE_JOBS['files of parts']!.readIds(dir)).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
