import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Landed } from '../../plugin/source';
import type { RunReport } from '../../pipeline/report';
import { landedName } from '../../runtime/staging/parts';
import { waitFor } from '../support/wait-for';
import { openHarness, sqliteTarget, type Harness } from '../support/worker-harness';

/** More records than the sample has, so that what stands here is met only when it is read for good. */
const BEHIND_SAMPLE = 10_500;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterEach(() => harness.mend());
afterAll(() => harness.close());

/** A file `id,v` of integers, with other values at some records, by record number from 1. */
function writeFile(path: string, others: Record<number, string>, records = 12_000): void {
  const lines = Array.from(
    { length: records },
    (_, index) => `${index + 1},${others[index + 1] ?? index % 7}`,
  );
  harness.write(path, `id,v\n${lines.join('\n')}\n`);
}

interface Loaded {
  report: RunReport;
  rows: unknown[][];
  types: unknown[][];
}

let databases = 0;

async function load(path: string, processing: object, transformations: object[] = []): Promise<Loaded> {
  databases += 1;
  const database = `out-${databases}.db`;
  const name = harness.addPipeline({
    source: { path },
    transformations,
    targets: [sqliteTarget('t', 'replace', database)],
    scalability: { processing },
  });
  const report = await harness.run(name);
  if (report.status !== 'succeeded') return { report, rows: [], types: [] };
  return {
    report,
    rows: harness.query(database, 'SELECT *, typeof(v) FROM t'),
    types: harness.query(database, `SELECT name, type FROM pragma_table_info('t')`),
  };
}

const WHOLE = {};
const IN_PARTS = { chunk_size: 3500, parallel_workers: 2 };

describe('a column whose later values do not fit the type that its first ones have', () => {
  it.each([
    ['a decimal', { [BEHIND_SAMPLE]: '7.25' }, 'DECIMAL'],
    [
      'a decimal with ever more digits',
      { [BEHIND_SAMPLE]: '7.5', 11_300: '0.125', 11_900: '-3.0625' },
      'DECIMAL',
    ],
    ['text, by way of a decimal', { [BEHIND_SAMPLE]: '7.25', 11_900: 'n/a' }, 'TEXT'],
    ['text, by a date', { 11_900: '2026-01-01' }, 'TEXT'],
    ['text, by an identifier', { 11_900: '00012' }, 'TEXT'],
  ])('becomes %s, and one partition or many give the same table', async (_title, others, type) => {
    const path = `wider-${type}-${Object.keys(others).length}-${Object.values(others).join('').replace(/\W/g, '')}.csv`;
    writeFile(path, others);
    const one = await load(path, WHOLE);
    const many = await load(path, IN_PARTS);
    expect(one.types).toEqual([
      ['id', 'INTEGER'],
      ['v', type],
    ]);
    expect(one.report.rows).toMatchObject({ read: 12_000, output: 12_000, rejected: 0 });
    expect(many.report.rows).toEqual(one.report.rows);
    expect(many.types).toEqual(one.types);
    expect(many.rows).toEqual(one.rows);
    expect(one.rows).toHaveLength(12_000);
    for (const [record, text] of Object.entries(others))
      expect(String(one.rows[Number(record) - 1]?.[1])).toBe(text);
  });

  it('that was empty throughout the sample gets the type of what comes then', async () => {
    const lines = Array.from(
      { length: 12_000 },
      (_, index) => `${index + 1},${index < BEHIND_SAMPLE ? '' : '5'}`,
    );
    harness.write('empty.csv', `id,v\n${lines.join('\n')}\n`);
    const { types, rows } = await load('empty.csv', IN_PARTS);
    expect(types[1]).toEqual(['v', 'INTEGER']);
    expect(rows.filter((row) => row[1] !== null)).toHaveLength(12_000 - BEHIND_SAMPLE);
  });
});

describe('text in a column that is used as a number', () => {
  const used = [{ type: 'derive', columns: { twice: 'v * 2' } }];

  it.each([
    ['one partition', WHOLE],
    ['many partitions at a time', { chunk_size: 1000, parallel_workers: 4 }],
  ])('is an error that names the first such line, in %s', async (_title, processing) => {
    writeFile('text.csv', { [BEHIND_SAMPLE]: 'n/a', 11_500: 'later', 11_999: 'last' });
    if (processing !== WHOLE) holdPartitionOf('text.csv', 'n/a', ['later']);
    const { report } = await load('text.csv', processing, used);
    expect(report).toMatchObject({
      status: 'failed',
      targets: [],
      error: {
        code: 'EXPRESSION_INVALID',
        step: 'validate',
        message: expect.stringContaining('The values of "v" made it text.') as string,
        places: [
          { file: 'text.csv', line: BEHIND_SAMPLE + 1, record: BEHIND_SAMPLE, column: 'v', value: 'n/a' },
        ],
      },
    });
  });

  it('that is declared is refused with the first places, in the order of the file', async () => {
    writeFile('declared.csv', { 11: 'a', 5_000: 'b', [BEHIND_SAMPLE]: 'c' });
    const name = harness.addPipeline({
      source: { path: 'declared.csv' },
      validation: { schema: { v: { type: 'integer' } } },
      scalability: { processing: { chunk_size: 1000, parallel_workers: 4 } },
    });
    holdPartitionOf('declared.csv', 'a', ['b', 'c']);
    const { error, rows } = await harness.run(name);
    expect(error).toMatchObject({ code: 'RECORDS_REJECTED', message: '3 of 12000 records do not fit.' });
    expect(error?.places?.map(({ line, value }) => [line, value])).toEqual([
      [12, 'a'],
      [5001, 'b'],
      [BEHIND_SAMPLE + 1, 'c'],
    ]);
    expect(rows).toMatchObject({ read: 12_000, rejected: 3, output: 0 });
  });
});

/** The partition of a value is done after those of later values, as on workers of different speed. */
function holdPartitionOf(file: string, value: string, later: readonly string[]): void {
  const text = readFileSync(join(harness.dir, file), 'utf8');
  const done = new Set<string>();
  harness.fake('extract', (real) => async (input) => {
    const result = await real(input);
    const staging = await harness.deps.staging.openRun(input.run);
    const { start = 0, end = 0 } =
      (await staging.fetch<Landed>(landedName(input.partition)))?.receipt.partition ?? {};
    const lines = text.slice(start, end).split('\n');
    const has = (one: string): boolean => lines.some((line) => line.endsWith(`,${one}`));
    later.filter(has).forEach((one) => done.add(one));
    if (has(value)) {
      const what = `the partitions of ${later.join(' and ')}`;
      await waitFor(() => done.size === later.length, { deadlineMs: 30_000, what });
    }
    return result;
  });
}
