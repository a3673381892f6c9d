import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { z } from 'zod';
import { openSource } from '../../engine/landing';
import { toLines } from '../../engine/page-lines';
import { LIMITS } from '../../pipeline/limits';
import {
  defineSource,
  type OpenSource,
  type Page,
  type Position,
  type RecordSource,
} from '../../plugin/source';
import { withDuckdb } from '../../runtime/duckdb';
import { fakeRecords, ordersOf, withFaults } from '../support/fake-record-source';
import {
  landAll,
  openSandbox,
  readFast,
  readRecords,
  readRepaired,
  type Landing,
  type Sandbox,
  type Values,
} from '../support/source-sandbox';
import { waitFor } from '../support/wait-for';

afterEach(() => jest.restoreAllMocks());

const PAGES = 5;
const root = openSandbox();

const textOf = (value: unknown): string | null =>
  value == null || value === '' ? null : typeof value === 'object' ? JSON.stringify(value) : String(value);
const EXPECTED: Values[] = Array.from({ length: PAGES }, (_, page) => ordersOf(page))
  .flat()
  .map((order) => ['id', 'price', 'note', 'lines'].map((name) => textOf(order[name])));

/** A source of given pages; the position is the number of the page. */
function pagesOf(
  pages: readonly Page[],
  sandbox = root.freshRun(),
  nullValues?: readonly string[],
): OpenSource {
  const source = defineSource<object>({
    kind: 'records',
    type: 'given',
    description: 'Given pages.',
    options: z.strictObject({}),
    async *read(_options, _context, from: Position | undefined) {
      await Promise.resolve();
      for (const page of pages.slice(Number(from ?? 0))) yield page;
    },
    ...(nullValues && { nullValues: () => nullValues }),
  });
  return openSource(source, {}, sandbox.context);
}

/** The pages of the fake source. @param before what is waited for before each page */
function sourceOf(before: (page: number) => Promise<unknown>): RecordSource<object> {
  return defineSource<object>({
    kind: 'records',
    type: 'paced',
    description: 'Pages that come as a test wants them.',
    options: z.strictObject({}),
    async *read(_options, _context, from) {
      for (let page = Number(from ?? 0); page < PAGES; page++) {
        await before(page);
        yield { records: ordersOf(page), ...(page + 1 < PAGES && { next: page + 1 }) };
      }
    },
  });
}

async function readAll(source: OpenSource, partitionBytes: number): Promise<(Values | undefined)[]> {
  const { survey, partitions } = await landAll(source, partitionBytes);
  const rows: (Values | undefined)[] = [];
  await withDuckdb({ dir: root.dir, memoryMb: 200 }, async (db) => {
    for (const partition of partitions) {
      rows.push(...((await readFast(db, source, survey, partition)) ?? [undefined]));
    }
  });
  return rows;
}

describe('a record source that is landed', () => {
  const requestsOf = (name: string): number[] =>
    readFileSync(join(root.dir, name), 'utf8').trim().split('\n').map(Number);

  it.each([1, 600, Number.MAX_SAFE_INTEGER])('gives exact rows in partitions of %d bytes', async (bytes) => {
    const { context } = root.freshRun();
    const requests = `requests-${bytes}`;
    const source = openSource(fakeRecords, { pages: PAGES, requests }, context);
    expect(await readAll(source, bytes)).toEqual(EXPECTED);
    expect(requestsOf(requests)).toEqual([0, 1, 2, 3, 4]);
    // Once more, as another attempt: nothing is asked for.
    const again = openSource(fakeRecords, { pages: PAGES, requests }, context);
    expect(await readAll(again, bytes)).toEqual(EXPECTED);
    expect(requestsOf(requests)).toHaveLength(PAGES);
  });

  it('asks for no landed page again after a failure', async () => {
    const { context } = root.freshRun();
    const requests = 'failing';
    for (const fails_at of [0, 2, 3]) {
      const source = openSource(withFaults({ fails_at }), { pages: PAGES, requests }, context);
      await expect(landAll(source, Number.MAX_SAFE_INTEGER)).rejects.toThrow(`Page ${fails_at}`);
    }
    const source = openSource(fakeRecords, { pages: PAGES, requests }, context);
    expect(await readAll(source, 1)).toEqual(EXPECTED);
    expect(requestsOf(requests)).toEqual([0, 0, 1, 2, 2, 3, 3, 4]);
  });

  it('asks for no landed page again after it was killed between two', async () => {
    const requests = 'killed';
    for (const dies_at of [1, 4, undefined]) {
      const options = JSON.stringify({ pages: PAGES, requests });
      const child = spawn(process.execPath, [
        '--require',
        join(__dirname, '../support/run-ts.js'),
        join(__dirname, '../support/land-child.ts'),
        root.dir,
        '1000',
        options,
        JSON.stringify({ dies_at }),
      ]);
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      expect([code, signal]).toEqual(dies_at === undefined ? [0, null] : [null, 'SIGKILL']);
    }
    expect(requestsOf(requests)).toEqual([0, 1, 1, 2, 3, 4, 4]);
    const { context } = openSandbox(root.dir, { number: 1000 });
    const source = openSource(fakeRecords, { pages: PAGES, requests }, context);
    expect(await readAll(source, 1)).toEqual(EXPECTED);
    expect(requestsOf(requests)).toHaveLength(7);
  });

  /** Names of receipts of pages after the first file. */
  const receipts = ({ context }: Sandbox): string[] =>
    readdirSync(join(context.scratchDir, '../shared'), { recursive: true })
      .map(String)
      .filter((name) => /at-[^/]*receipt$/.test(name));

  it('writes pages to a file also while the next one is waited for', async () => {
    const sandbox = root.freshRun();
    const slow = sourceOf(async (page) => {
      if (page === PAGES - 1) await waitFor(() => receipts(sandbox).length > 0, { what: 'a file of pages' });
    });
    expect(await readAll(openSource(slow, {}, sandbox.context), Number.MAX_SAFE_INTEGER)).toEqual(EXPECTED);
    expect(receipts(sandbox).length).toBeGreaterThan(1);
  });

  it('puts pages that come fast into one file', async () => {
    jest.replaceProperty(LIMITS, 'pagesFileMs', 60_000 as never);
    const sandbox = root.freshRun();
    const fast = sourceOf(() => Promise.resolve());
    expect(await readAll(openSource(fast, {}, sandbox.context), Number.MAX_SAFE_INTEGER)).toEqual(EXPECTED);
    expect(receipts(sandbox)).toHaveLength(1);
  });

  it('gives two attempts that land at the same time the same partitions', async () => {
    jest.replaceProperty(LIMITS, 'pagesFileMs', 1 as never);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 3, maxLength: 20 }),
        fc.nat(),
        async (pauses, bytes) => {
          const { context } = root.freshRun();
          const attempt = (offset: number): Promise<Landing> => {
            let requests = offset;
            const source = sourceOf(() => sleep(pauses[requests++ % pauses.length]));
            return landAll(openSource(source, {}, context), bytes);
          };
          const [one, other] = await Promise.all([attempt(0), attempt(1)]);
          expect(other).toEqual(one);
          const source = sourceOf(() => Promise.reject(new Error('All pages are landed.')));
          const records = await readRecords(openSource(source, {}, context), one.survey, one.partitions);
          expect(records.map(({ values }) => values)).toEqual(EXPECTED);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('passes over keys without a value, on the first page and on later ones', () => {
    const records = [{ a: 1, u: undefined }];
    expect(toLines(records, 'page 1', undefined).text).toBe('{"a":1}\n');
    expect(toLines(records, 'page 2', ['a']).text).toBe('{"a":1}\n');
  });

  it('names page and record of what it reads', async () => {
    const source = pagesOf([
      { records: [{ a: 1 }], next: 1 },
      { records: [], next: 2 },
      { records: [{ a: 'x' }, { a: true }] },
    ]);
    const { survey, partitions } = await landAll(source, Number.MAX_SAFE_INTEGER);
    expect(await readRecords(source, survey, partitions)).toEqual([
      { ordinal: 0, file: 'given page 1', line: 1, record: 1, byteOffset: 0, values: ['1'], raw: '{"a":1}' },
      {
        ordinal: 1,
        file: 'given page 3',
        line: 1,
        record: 1,
        byteOffset: 0,
        values: ['x'],
        raw: '{"a":"x"}',
      },
      {
        ordinal: 2,
        file: 'given page 3',
        line: 2,
        record: 2,
        byteOffset: 10,
        values: ['true'],
        raw: '{"a":true}',
      },
    ]);
  });

  it.each([
    [undefined, [[null], ['n/a'], [null], ['null']]],
    [[], [[''], ['n/a'], [null], ['null']]],
    [
      ['n/a', 'null'],
      [[''], [null], [null], [null]],
    ],
  ])('takes the texts %j for nulls, in both lanes', async (nullValues, expected) => {
    const records = ['', 'n/a', null, 'null'].map((a) => ({ a }));
    const source = pagesOf([{ records }], root.freshRun(), nullValues);
    expect(await readAll(source, 1)).toEqual(expected);
    const { survey, partitions } = await landAll(source, 1);
    expect((await readRecords(source, survey, partitions)).map(({ values }) => values)).toEqual(expected);
    expect(survey.sample).toEqual(expected);
  });

  it('leaves out records that hold half a character or a NUL', async () => {
    const source = pagesOf([{ records: [{ a: 'x' }, { a: '\ud83d' }, { a: '\\u0000' }, { a: '\0' }] }]);
    const { survey, partitions } = await landAll(source, 1);
    const [partition] = partitions;
    if (!partition) throw new Error('no partition');
    await withDuckdb({ dir: root.dir, memoryMb: 200 }, async (db) => {
      expect(await readFast(db, source, survey, partition)).toBeUndefined();
      expect(await readRepaired(db, source, survey, partition)).toEqual({
        rows: [['x'], ['\\u0000']],
        broken: [1, 3],
      });
    });
    const records = await readRecords(source, survey, partitions);
    expect(records.map(({ values }) => values)).toEqual([['x'], null, ['\\u0000'], null]);
  });

  it('takes JSON texts as they are written, and rejects those that are no JSON objects', async () => {
    const nested = '{"a": [1.50, {"b":"\\u00e9\\n"}]}';
    const source = pagesOf([
      { records: [`{ "n" : 9007199254740993 , "x":0.10,\n"t":"00","o":${nested},"e":""}`], next: 1 },
      {
        records: ['{"n":1e400,"x":-0,"t":"é\\u0022","o":null,"e":true}', '{"n":1,"n":2}', '{"n":', '[1]'],
        next: 2,
      },
      { records: ['{"n":30000000000000000000000000000001,"x":1.0}', '{"t":"\\ud83d"}'] },
    ]);
    const { survey, partitions } = await landAll(source, Number.MAX_SAFE_INTEGER);
    const expected = [
      ['9007199254740993', '0.10', '00', nested, null],
      ['1e400', '-0', 'é"', null, 'true'],
      ['30000000000000000000000000000001', '1.0', null, null, null],
    ];
    const records = await readRecords(source, survey, partitions);
    expect(records.flatMap(({ values }) => (values ? [values] : []))).toEqual(expected);
    expect(records.flatMap(({ reason, file, record }) => (reason ? [[file, record, reason]] : []))).toEqual([
      ['given page 2', 2, 'the key "n" is there twice'],
      ['given page 2', 3, 'not JSON: it ends too early'],
      ['given page 2', 4, 'not a JSON object'],
      ['given page 3', 2, 'NUL character or incomplete character'],
    ]);
    await withDuckdb({ dir: root.dir, memoryMb: 200 }, async (db) => {
      const [partition] = partitions;
      if (!partition) throw new Error('no partition');
      const { rows, broken } = await readRepaired(db, source, survey, partition);
      expect([rows, broken]).toEqual([expected, [2, 3, 4, 6]]);
    });
  });

  it.each<[string, string[], string[]]>([
    ['a number', ['{"a":12}', '{"a":"x"}', '{"a":""}', '{"a":"2026-01-01"}'], []],
    ['a number in quotes', ['{"a":12}', '{"a":"12"}'], ['a']],
    ['a boolean in quotes', ['{"a":"true"}'], ['a']],
  ])('knows that a column is text: %s', async (_title, records, textColumns) => {
    const source = pagesOf([{ records }]);
    const { survey, partitions } = await landAll(source, 1);
    const [partition] = partitions;
    if (!partition) throw new Error('no partition');
    expect(survey.textColumns).toEqual(textColumns);
    expect((await source.relation(survey, partition)).textColumns).toEqual(textColumns);
  });

  it('notices records that repeat, also those of another attempt', async () => {
    const sandbox = root.freshRun();
    const page = (id: number, distinct = 'all'): Page & { records: object[] } => ({
      records: [{ id }],
      distinct,
    });
    const pages = [page(1), { ...page(2), next: 2 }, page(1, 'other'), page(1)];
    const given = pages.map((one, at) => (at < 3 ? { ...one, next: at + 1 } : one)) as never;
    for (const _attempt of [1, 2])
      await expect(landAll(pagesOf(given, sandbox), 1)).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: 'The source given repeats itself: page 4 has the same records as page 1.',
      });
  });

  it('without any record has no columns and no partitions', async () => {
    const landing = { survey: { columns: [], sample: [], recordBytes: 0 }, partitions: [] };
    expect(await landAll(pagesOf([]), 1)).toMatchObject(landing);
    expect(await landAll(pagesOf([{ records: [], next: 1 }, { records: [] }]), 1)).toMatchObject(landing);
  });

  it('ends with its pages, whatever the last one says of a next one', async () => {
    const source = pagesOf([
      { records: [{ a: 1 }], next: 1 },
      { records: [{ a: 2 }], next: 2 },
    ]);
    expect(await readAll(source, 1)).toEqual([['1'], ['2']]);
  });

  it('may have another column on a later page where it is null, as nothing is lost', async () => {
    const source = pagesOf([
      { records: [{ a: 1 }], next: 1 },
      { records: [{ a: 2, b: null }, '{"a":3,"b":null}'] },
    ]);
    expect(await readAll(source, 1)).toEqual([['1'], ['2'], ['3']]);
  });

  it('names the ways out where a later page has another column', async () => {
    const source = pagesOf([{ records: [{ a: 1 }], next: 1 }, { records: ['{"b":1}'] }]);
    await expect(readAll(source, 1)).rejects.toMatchObject({
      hint: expect.stringContaining('under columns'),
    });
  });

  it.each<[string, Page[], string, RegExp]>([
    [
      'a position that repeats',
      [
        { records: [{ a: 1 }], next: 1 },
        { records: [{ a: 2 }], next: 2 },
        { records: [{ a: 3 }], next: 1 },
      ],
      'SOURCE_UNREADABLE',
      /given repeats itself: page 4 has the same position as page 2/,
    ],
    [
      'a column that the first page does not have',
      [{ records: [{ a: 1 }], next: 1 }, { records: [{ a: 1 }, { b: 1 }] }],
      'SCHEMA_MISMATCH',
      /given page 2, record 2 has the column "b"/,
    ],
    [
      'a number that JSON does not have',
      [{ records: [{ a: NaN }] }],
      'SOURCE_UNREADABLE',
      /record 1: "a" is NaN/,
    ],
    [
      'a record that is none',
      [{ records: [[1]] }] as never,
      'SOURCE_UNREADABLE',
      /record 1 is not an object/,
    ],
    [
      'a reserved name',
      [{ records: [{ ['_flexetl_x']: 1 }] }],
      'SOURCE_UNREADABLE',
      /"_flexetl_x", which is reserved/,
    ],
  ])('refuses %s', async (_title, pages, code, message) => {
    await expect(landAll(pagesOf(pages), 1)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
