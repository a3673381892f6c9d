/** Files that are made from a source are never used for another content of it. */
import { readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { openSource } from '../../engine/landing';
import { LIMITS } from '../../pipeline/limits';
import { defineSource, type OpenSource } from '../../plugin/source';
import { csv } from '../../sources/csv';
import { withDuckdb } from '../../runtime/duckdb';
import { DAMAGES } from '../support/damage';
import { fakeRecords, ordersOf } from '../support/fake-record-source';
import {
  landAll,
  openSandbox,
  readFast,
  readRecords,
  type Landing,
  type Sandbox,
} from '../support/source-sandbox';

const root = openSandbox();

const openCsv = (options: object, { context }: Sandbox): OpenSource =>
  csv.open(csv.options.parse(options), context);

async function valuesOf(source: OpenSource, partitionBytes: number): Promise<unknown[]> {
  const { survey, partitions } = await landAll(source, partitionBytes);
  return (await readRecords(source, survey, partitions)).map(({ values }) => values);
}

/** The content and the time of a file, so that only the content can tell two versions apart. */
function replace(name: string, bytes: Uint8Array): void {
  root.write(name, bytes);
  utimesSync(join(root.dir, name), 1_000_000, 1_000_000);
}

describe.each([
  ['compressed', (text: string) => gzipSync(text), {}],
  ['in another encoding', (text: string) => Buffer.from(text, 'utf16le'), { encoding: 'utf-16le' }],
  ['read in place', (text: string) => Buffer.from(text), {}],
])('a source that is %s', (how, pack, options) => {
  const path = `${how}.csv`;
  const before = 'a,b\n1,old\n2,old\n3,old\n';
  const after = 'a,b\n1,new\n2,new\n3,new\n';

  it('and was replaced before another attempt surveys it gives the new text', async () => {
    const run = root.freshRun();
    replace(path, pack(before));
    expect(await valuesOf(openCsv({ path, ...options }, run), 8)).toHaveLength(3);
    replace(path, pack(after));
    expect(await valuesOf(openCsv({ path, ...options }, run), 8)).toEqual([
      ['1', 'new'],
      ['2', 'new'],
      ['3', 'new'],
    ]);
  });

  it.each([false, true])(
    'and was replaced after the survey has changed (copies are gone: %p)',
    async (gone) => {
      const run = root.freshRun();
      replace(path, pack(before));
      const source = openCsv({ path, ...options }, run);
      const { survey, partitions } = await landAll(source, 8);
      replace(path, pack(after));
      for (const folder of gone ? ['plain/', 'slices/'] : [])
        for (const name of await run.context.shared.list(folder)) await run.context.shared.remove(name);
      const [first] = partitions;
      if (!first) throw new Error('There is no partition.');
      const read = async (): Promise<void> => {
        await source.relation(survey, first);
        await source.assertUnchanged(survey, first);
      };
      await expect(read()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    },
  );

  it('and is replaced while it is copied has changed', async () => {
    const run = root.freshRun();
    replace(path, pack(before));
    const source = openCsv({ path, ...options }, run);
    const survey = await source.survey();
    const found = await source.partitions(survey, { wholeBytesMax: 8, cutBytes: 8 });
    if (!('first' in found)) throw new Error('It is not cut.');
    for (const name of await run.context.shared.list('plain/')) await run.context.shared.remove(name);
    const { make } = run.context.shared;
    // The file changes after the last byte was copied, and before the copy gets its name.
    run.context.shared.make = (name, write) =>
      make(name, async (to) => {
        replace(path, pack(before));
        const writing = write(to);
        replace(path, pack(after));
        await writing;
      });
    await expect(source.land(survey, 0, found.first)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await run.context.shared.list('slices/')).toEqual([]);
  });
});

it('pages are not used for other options', async () => {
  const run = root.freshRun();
  const counted = defineSource<{ day: number }>({
    kind: 'records',
    type: 'counted',
    description: 'One record.',
    options: z.strictObject({ day: z.number() }),
    async *read({ day }) {
      await Promise.resolve();
      yield { records: [{ day }] };
    },
  });
  for (const day of [1, 2])
    expect(await valuesOf(openSource(counted, { day }, run.context), 100)).toEqual([[String(day)]]);
});

describe('the content of a file', () => {
  const contentOf = async (bytes: Uint8Array, seconds: number): Promise<string | undefined> => {
    root.write('content.csv', bytes);
    utimesSync(join(root.dir, 'content.csv'), seconds, seconds);
    const run = root.freshRun();
    return (await openCsv({ path: 'content.csv' }, run).survey()).files[0]?.content;
  };
  const lines = (middle: string): Buffer =>
    Buffer.from(`a,b\n${'1,x\n'.repeat(20_000)}1,${middle}\n${'1,x\n'.repeat(20_000)}`);

  it.each([
    ['small', Buffer.from('a\n1\n'), Buffer.from('a\n2\n')],
    ['changed far from its ends', lines('old'), lines('new')],
  ])('is the same for each copy of it, and another for any other: %s', async (_, before, after) => {
    const known = await contentOf(before, 1_000_000);
    expect(known).toMatch(/^[0-9a-f]{32}$/);
    expect(await contentOf(before, 2_000_000)).toBe(known);
    expect(await contentOf(after, 1_000_000)).not.toBe(known);
  });

  it('of a very large file is not read', async () => {
    jest.replaceProperty(LIMITS, 'contentBytesMax', 10 as never);
    expect(await contentOf(Buffer.from('a\n1\n2\n3\n4\n5\n'), 1_000_000)).toBeUndefined();
  });
});

/** The paths of shared files whose names match, or of their receipts. */
function sharedFiles({ context }: Sandbox, pattern: RegExp, what: 'file' | 'receipt'): string[] {
  const folder = join(context.scratchDir, '..', 'shared');
  const names = readdirSync(folder, { recursive: true }).map(String);
  return names
    .filter((name) => /\.(txt|csv|json|ndjson)/.test(name) && pattern.test(name))
    .filter((name) => name.endsWith('.receipt') === (what === 'receipt'))
    .map((name) => join(folder, name));
}

describe.each(Object.keys(DAMAGES))('a derived file: %s,', (how) => {
  const packed = gzipSync('a,b\n1,x\n2,y\n3,z\n4,w\n');
  const openPacked = (run: Sandbox): OpenSource => openCsv({ path: 'packed.csv' }, run);
  const openPages = (run: Sandbox): OpenSource =>
    openSource(fakeRecords, { pages: 4, requests: 'requests' }, run.context);

  const damage = (run: Sandbox, pattern: RegExp, what: 'file' | 'receipt'): void => {
    const files = sharedFiles(run, pattern, what);
    expect(files).not.toEqual([]);
    for (const path of files) DAMAGES[how]?.(path);
  };

  async function readAll(source: OpenSource, { survey, partitions }: Landing): Promise<unknown[]> {
    const fast: unknown[] = [];
    await withDuckdb({ dir: root.dir, memoryMb: 200 }, async (db) => {
      for (const partition of partitions)
        fast.push(...((await readFast(db, source, survey, partition)) ?? ['refused']));
    });
    return [fast, await readRecords(source, survey, partitions)];
  }

  it.each([
    ['plain copies', /^plain/, openPacked],
    ['slices', /^slices.*csv/, openPacked],
    ['what was found in slices', /^slices.*json/, openPacked],
    ['numbers of lines', /^lines/, openPacked],
    ['pages', /^pages.*ndjson/, openPages],
    ['positions of pages', /^pages.*(at-|first)/, openPages],
    ['partitions of pages', /^pages.*partition/, openPages],
    ['all of it', /./, openPacked],
    ['all of it', /./, openPages],
  ])('is made again, with the same content: %s', async (_, pattern, open) => {
    root.write('packed.csv', packed);
    for (const what of ['file', 'receipt'] as const) {
      const run = root.freshRun();
      const source = open(run);
      const landing = await landAll(source, 8);
      expect(landing.partitions.length).toBeGreaterThan(1);
      const expected = await readAll(source, landing);
      damage(run, pattern, what);
      expect(await readAll(source, landing)).toEqual(expected);
      for (const path of sharedFiles(run, pattern, what)) DAMAGES[how]?.(path);
      expect(await landAll(source, 8)).toEqual(landing);
    }
  });

  it.each([/^plain/, /^slices.*csv/])('and its source has changed: %p', async (pattern) => {
    const run = root.freshRun();
    replace('packed.csv', packed);
    const source = openPacked(run);
    const landing = await landAll(source, 8);
    damage(run, pattern, 'file');
    replace('packed.csv', gzipSync('a,b\n1,x\n2,y\n3,q\n4,w\n'));
    await expect(readAll(source, landing)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  it('and its source gives other pages now', async () => {
    const run = root.freshRun();
    let day = 1;
    const changing = defineSource<object>({
      kind: 'records',
      type: 'changing',
      description: 'Three pages of the day.',
      options: z.strictObject({}),
      async *read(_options, _context, from) {
        await Promise.resolve();
        for (let page = Number(from ?? 0); page < 3; page++)
          yield { records: [{ day, page }], ...(page < 2 && { next: page + 1 }) };
      },
    });
    const source = openSource(changing, {}, run.context);
    const landing = await landAll(source, 1);
    damage(run, /^pages.*000001-/, 'file');
    day = 2;
    await expect(readAll(source, landing)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });
});

it('a file of pages that is damaged is asked for alone', async () => {
  // Each page has a file of its own.
  jest.replaceProperty(LIMITS, 'pagesFileMs', -1 as never);
  const run = root.freshRun();
  const asked: number[] = [];
  const source = openSource(
    defineSource<object>({
      kind: 'records',
      type: 'asked',
      description: 'Four pages.',
      options: z.strictObject({}),
      async *read(_options, _context, from) {
        await Promise.resolve();
        for (let page = Number(from ?? 0); page < 4; page++) {
          asked.push(page);
          yield { records: ordersOf(page), next: page + 1 };
        }
      },
    }),
    {},
    run.context,
  );
  const { survey, partitions } = await landAll(source, Number.MAX_SAFE_INTEGER);
  asked.length = 0;
  for (const path of sharedFiles(run, /000001-.*ndjson/, 'file')) rmSync(path);
  expect(await readRecords(source, survey, partitions)).toHaveLength(12);
  expect(asked).toEqual([1]);
});

it('a partition of pages that is landed again ends where it ended, though time had ended it', async () => {
  const run = root.freshRun();
  const source = openSource(fakeRecords, { pages: 4, requests: 'requests' }, run.context);
  const slow = jest.replaceProperty(LIMITS, 'landingMs', -1 as never);
  const landing = await landAll(source, Number.MAX_SAFE_INTEGER);
  slow.restore();
  expect(landing.partitions).toHaveLength(4);
  for (const path of sharedFiles(run, /partition-1/, 'file')) rmSync(path);
  expect(await landAll(source, Number.MAX_SAFE_INTEGER)).toEqual(landing);
});
