/** Checks of the input as a whole: their verdicts, for every cut of the input, and beside an oracle in JavaScript. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'yaml';
import { checks } from '../../pipeline/checks/index';
import { LIMITS } from '../../pipeline/limits';
import { judgeInput, verdictOf, type CheckInput } from '../support/input-checks';

type Check = CheckInput['checks'][number];
type Case = [what: string, csv: string, check: Check, says: string, more?: Partial<CheckInput>];

const typed = (...columns: string[]): Partial<CheckInput> => ({
  schema: Object.fromEntries(
    columns.map((one) => one.split(' ')).map(([name = '', type = '']) => [name, { type }]),
  ),
});

const DATES = 'd\n2020-01-01\n2020-01-03\n';

const CASES: Case[] = [
  ['row_count: enough', 'x\n1\n2\n', { type: 'row_count', min: 2, max: 2 }, 'passed'],
  ['row_count: too few', 'x\n1\n', { type: 'row_count', min: 2 }, 'there is 1 row, expected at least 2.'],
  ['row_count: no rows', 'x\n', { type: 'row_count', min: 1 }, 'there are 0 rows, expected at least 1.'],
  [
    'freshness: too old',
    DATES,
    { type: 'freshness', column: 'd', max_age: '1d' },
    'column "d" ends at 2020-01-03T00:00:00.000Z, expected a time at most 1d before …',
  ],
  ['freshness: young enough', DATES, { type: 'freshness', column: 'd', max_age: '99999d' }, 'passed'],
  [
    'freshness: a time to come',
    'd\n9999-12-31\n',
    { type: 'freshness', column: 'd', max_age: '1m' },
    'passed',
  ],
  [
    'freshness: no value',
    'd,x\n,1\n',
    { type: 'freshness', column: 'd', max_age: '1d' },
    'column "d" has no value, expected a time at most 1d before …',
  ],
  [
    'freshness: another type',
    'd\n1\n',
    { type: 'freshness', column: 'd', max_age: '1d' },
    'the column "d" is integer, expected a date or timestamp. The source is in/0.csv.',
  ],
  ['no_duplicates: none', 'a,b\n1,1\n1,2\n2,1\n', { type: 'no_duplicates', columns: ['a', 'b'] }, 'passed'],
  [
    'no_duplicates: rows after the first',
    'a,b\n1,1\n1,1\n2,1\n1,1\n',
    { type: 'no_duplicates', columns: ['a', 'b'] },
    '2 rows have the key (a, b) of an earlier row.',
  ],
  [
    'no_duplicates: nulls are equal',
    'a,b\n1,\n1,\n',
    { type: 'no_duplicates', columns: ['a', 'b'] },
    '1 row has the key (a, b) of an earlier row.',
  ],
  [
    'no_duplicates: an empty text is not null',
    'a,b\n1,\n1,""\n',
    { type: 'no_duplicates', columns: ['a', 'b'] },
    'passed',
    { options: { null_values: ['NULL'] }, schema: { b: { type: 'string' } }, csv: 'a,b\n1,NULL\n1,""\n' },
  ],
  [
    'no_duplicates: 1.0 and 1.00 are one number',
    'a\n1.0\n1.00\n',
    { type: 'no_duplicates', columns: ['a'] },
    '1 row has the key (a) of an earlier row.',
    typed('a decimal'),
  ],
  [
    'no_duplicates: 0.0 and -0.0 are one float',
    'a\n0.0\n-0.0\n',
    { type: 'no_duplicates', columns: ['a'] },
    '1 row has the key (a) of an earlier row.',
    typed('a float'),
  ],
  [
    'aggregate: an exact sum',
    'x\n0.1\n0.2\n',
    { type: 'aggregate', expression: 'sum(x)', min: '0.3', max: '0.3' },
    'passed',
  ],
  [
    'aggregate: a little too much',
    'x\n99999999999999999999999999999999999999\n',
    { type: 'aggregate', expression: 'max(x)', max: '99999999999999999999999999999999999998' },
    'max(x) is 99999999999999999999999999999999999999, expected at most 99999999999999999999999999999999999998.',
    typed('x decimal(38,0)'),
  ],
  [
    'aggregate: a bound of many digits',
    'x\n1\n',
    { type: 'aggregate', expression: 'min(x)', min: '1.00000000000000000000000001' },
    'min(x) is 1, expected at least 1.00000000000000000000000001.',
  ],
  [
    'aggregate: distinct values',
    'x\na\nb\na\n',
    { type: 'aggregate', expression: 'count_distinct(x)', min: 3 },
    'count_distinct(x) is 2, expected at least 3.',
  ],
  [
    'aggregate: dates',
    DATES,
    { type: 'aggregate', expression: 'min(d)', min: '2020-01-02' },
    'min(d) is 2020-01-01, expected at least 2020-01-02.',
  ],
  [
    'aggregate: of no value',
    'x\n',
    { type: 'aggregate', expression: 'sum(x)', max: 1 },
    'sum(x) is null, expected at most 1.',
    typed('x integer'),
  ],
  [
    'aggregate: of no value, as the file wants it',
    'x\n',
    { type: 'aggregate', expression: 'coalesce(sum(x), 0)', max: 1 },
    'passed',
    typed('x integer'),
  ],
  [
    'aggregate: a bound of another type',
    'x\n1\n',
    { type: 'aggregate', expression: 'sum(x)', max: 'much' },
    'the column "sum(x)" (integer) is compared with a value that is not a number. The source is in/0.csv.',
  ],
  ['range: nulls pass', 'x,y\n,1\n5,1\n', { type: 'range', columns: ['x'], min: 5, max: 5 }, 'passed'],
  [
    'reconcile: a number',
    'x\n0.1\n0.2\n',
    { type: 'reconcile', expression: 'sum(x)', control: '0.3' },
    'passed',
  ],
  [
    'reconcile: another number',
    'x\n1\n2\n',
    { type: 'reconcile', expression: 'sum(x)', control: 4 },
    'sum(x) is 3, the control total 4.',
  ],
  [
    'reconcile: close enough',
    'x\n1\n2\n',
    { type: 'reconcile', expression: 'sum(x)', control: 4, tolerance: 1 },
    'passed',
  ],
  [
    'reconcile: not close enough',
    'x\n1\n2\n',
    { type: 'reconcile', expression: 'sum(x)', control: '4.01', tolerance: 1 },
    'sum(x) is 3, the control total 4.01, give or take 1.',
  ],
  [
    'reconcile: a file',
    'x\n1\n2\n',
    {
      type: 'reconcile',
      expression: 'sum(x)',
      control: { source: { type: 'csv', path: 'total.csv' }, value: 'max(total)' },
    },
    'sum(x) is 3, the control total 3.50.',
    { files: { 'total.csv': 'total,of\n3.50,today\n' } },
  ],
  [
    'reconcile: a file of JSON',
    'x\n1\n2\n',
    {
      type: 'reconcile',
      expression: 'count(*)',
      control: { source: { type: 'json', path: 'total.json' }, value: 'sum(rows)' },
    },
    'passed',
    { files: { 'total.json': '[{"rows": 2}]' } },
  ],
  [
    'reconcile: a control file without a record',
    'x\n1\n',
    {
      type: 'reconcile',
      expression: 'count(*)',
      control: { source: { type: 'csv', path: 'total.csv' }, value: 'sum(rows)' },
    },
    'count(*) is 1, the control total null.',
    { files: { 'total.csv': 'rows\n' } },
  ],
  [
    'foreign_key: all there',
    'id\n1\n2\n\n',
    { type: 'foreign_key', columns: ['id'], reference: { source: { type: 'csv', path: 'ids.csv' } } },
    'passed',
    { files: { 'ids.csv': 'id\n2\n1\n3\n' } },
  ],
  [
    'foreign_key: one not there',
    'id\n1\n4\n4\n',
    {
      type: 'foreign_key',
      columns: ['id'],
      reference: { source: { type: 'csv', path: 'ids.csv' }, columns: ['key'] },
    },
    '2 rows have a value of "id" that is not in the reference (key).',
    { files: { 'ids.csv': 'name,key\na,2\nb,1\n' } },
  ],
  [
    'foreign_key: nulls pass, in part too',
    'a,b\n1,\n,2\n1,1\n',
    { type: 'foreign_key', columns: ['a', 'b'], reference: { source: { type: 'csv', path: 'ids.csv' } } },
    'passed',
    { files: { 'ids.csv': 'a,b\n1,1\n' } },
  ],
  [
    'foreign_key: 2 and 2.0',
    'id\n2\n',
    { type: 'foreign_key', columns: ['id'], reference: { source: { type: 'csv', path: 'ids.csv' } } },
    'passed',
    { files: { 'ids.csv': 'id\n2.0\n1.5\n' } },
  ],
  [
    'foreign_key: an empty reference',
    'id\n2\n',
    { type: 'foreign_key', columns: ['id'], reference: { source: { type: 'csv', path: 'ids.csv' } } },
    '1 row has a value of "id" that is not in the reference (id).',
    { files: { 'ids.csv': 'id\n' } },
  ],
  [
    'foreign_key: texts and numbers',
    'id\n007\n',
    { type: 'foreign_key', columns: ['id'], reference: { source: { type: 'csv', path: 'ids.csv' } } },
    'the column "id" is string, "id" of the reference integer.',
    { files: { 'ids.csv': 'id\n7\n' } },
  ],
  [
    'foreign_key: texts as declared',
    'id\n007\n',
    {
      type: 'foreign_key',
      columns: ['id'],
      reference: { source: { type: 'csv', path: 'ids.csv' }, types: { id: 'string' } },
    },
    '1 row has a value of "id" that is not in the reference (id).',
    { files: { 'ids.csv': 'id\n7\n' } },
  ],
  [
    'foreign_key: no such column',
    'id\n1\n',
    { type: 'foreign_key', columns: ['id'], reference: { source: { type: 'csv', path: 'ids.csv' } } },
    'the reference: there is no column "id" at this step.',
    { files: { 'ids.csv': 'key\n7\n' } },
  ],
];

describe('a check of the input as a whole', () => {
  it.each(CASES)('%s', async (...[, csv, check, says, more]) => {
    const said = await verdictOf(csv, check, more);
    expect(said.replace(/before \d{4}-.*Z\.$/, 'before …')).toBe(says);
  });

  it('of a reference with a record that does not fit ends the run', async () => {
    const source = { type: 'csv', path: 'ids.csv' };
    const check = { type: 'foreign_key', columns: ['id'], reference: { source, types: { id: 'integer' } } };
    const { code, message } = await judgeInput({
      csv: 'id\n1\n',
      checks: [check],
      files: { 'ids.csv': 'id\n1\nx\n' },
    });
    expect([code, message]).toEqual(['RECORDS_REJECTED', '1 record of the reference does not fit.']);
  });

  it('of a reference that is not there ends the run before the input is read', async () => {
    const check = {
      type: 'foreign_key',
      columns: ['id'],
      reference: { source: { type: 'csv', path: 'no.csv' } },
    };
    expect((await judgeInput({ csv: 'id\n1\n', checks: [check] })).code).toBe('SOURCE_MISSING');
  });
});

describe('the settings of every check', () => {
  const CSV = 'k,n\na,1\na,2\nb,3\nb,4\n';
  const twice = { type: 'no_duplicates', columns: ['k'] };

  it.each<[what: string, check: Check, says: string]>([
    ['where leaves rows out', { ...twice, where: 'n <> 2' }, '1 row has the key (k) of an earlier row.'],
    ['where leaves none', { ...twice, where: 'n > 9' }, 'passed'],
    ['fail_when is not reached', { ...twice, fail_when: '> 50%' }, 'passed'],
    ['fail_when is reached', { ...twice, fail_when: '>= 50%' }, '2 rows have the key (k) of an earlier row.'],
    [
      'fail_when counts rows that where leaves',
      { ...twice, where: 'n > 2', fail_when: '> 49%' },
      '1 row has the key (k) of an earlier row.',
    ],
    [
      'message takes the place of what was found',
      { ...twice, message: 'orders came twice' },
      'orders came twice.',
    ],
    ['on_failure: warn', { ...twice, on_failure: 'warn' }, 'passed'],
    [
      'on_failure: continue has no rows',
      { ...twice, on_failure: 'continue' },
      'validation.quality_checks.0: no_duplicates is about the input as a whole: it has no rows of its own that on_failure: continue could quarantine. The source is in/0.csv.',
    ],
    [
      'no threshold where no rows fail',
      { type: 'row_count', min: 1, warn_when: '> 1' },
      'validation.quality_checks.0: row_count passes or fails as a whole: there are no failing rows for warn_when and fail_when to count. The source is in/0.csv.',
    ],
  ])('%s', async (_what, check, says) => {
    expect(await verdictOf(CSV, check)).toBe(says);
  });
});

it('every example of docs/checks.md passes', async () => {
  const page = readFileSync(join(__dirname, '../../docs/checks.md'), 'utf8');
  const blocks = (kind: string): string[] =>
    [...page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
  const [csv = '', products = ''] = blocks('csv');
  const files = { 'data/products.csv': products, 'data/control.json': blocks('json')[0] ?? '' };
  const examples = blocks('yaml').flatMap((text) => parse(text) as Check[]);
  expect(examples.map(({ type }) => type)).toEqual(expect.arrayContaining(checks.map(({ type }) => type)));
  const { message, results } = await judgeInput({ csv, checks: examples, files });
  expect(message).toBeUndefined();
  expect(results.length).toBeGreaterThanOrEqual(examples.length);
});

describe('checks of the input as a whole', () => {
  const key: fc.Arbitrary<string | null> = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'é'), {
    nil: null,
    freq: 5,
  });
  // A record of too many fields is rejected: it is no row.
  const isBroken = fc.nat(9).map((one) => one === 0);
  const row = fc.record({
    isBroken,
    k: key,
    n: fc.option(fc.integer({ min: -9, max: 9 }), { nil: null, freq: 5 }),
  });

  it('find what an oracle finds, and name its rows, whatever the cuts of the input', async () => {
    const runs = Number(process.env['PROPERTY_RUNS'] ?? 8);
    const world = fc.record({
      // A last one that is good: of rows that are all broken DuckDB sees no columns.
      records: fc
        .array(row, { maxLength: 40 })
        .map((some) => [...some, { isBroken: false, k: 'a' as string | null, n: 1 }]),
      ids: fc.array(key, { maxLength: 4 }),
      cutBytes: fc.integer({ min: 4, max: 200 }),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ records, ids, cutBytes }) => {
        const lineOf = ({ isBroken, k, n }: (typeof records)[number]): string =>
          isBroken ? '1,2,3,4,5' : `0,${k ?? ''},${n ?? ''}`;
        // A first column, so that no record is an empty line.
        const csv = `i,k,n\n${records.map((one) => `${lineOf(one)}\n`).join('')}`;
        const rows = records
          .map((record, index) => ({ ...record, line: index + 2 }))
          .filter((record) => !record.isBroken);
        const reference = {
          source: { type: 'csv', path: 'ids.csv' },
          columns: ['k'],
          types: { k: 'string' },
        };
        const values = rows.flatMap(({ n }) => n ?? []);
        const sum = values.length === 0 ? null : values.reduce((total, n) => total + n, 0);
        const distinct = new Set(rows.flatMap(({ k }) => k ?? [])).size;
        const { results, places = [] } = await judgeInput({
          csv,
          cutBytes,
          queue: true,
          schema: { k: { type: 'string' }, n: { type: 'integer' } },
          files: { 'ids.csv': `i,k\n${ids.map((k) => `0,${k ?? ''}\n`).join('')}` },
          checks: [
            { type: 'no_duplicates', columns: ['k', 'n'] },
            { type: 'foreign_key', columns: ['k'], reference },
            { type: 'aggregate', expression: 'sum(n)', min: -5, max: 5 },
            { type: 'reconcile', expression: 'count_distinct(k)', control: 4 },
            { type: 'row_count', min: 10, max: 30 },
          ],
        });
        const keys = rows.map(({ k, n }) => JSON.stringify([k, n]));
        const found = Object.fromEntries(
          results.map(({ name, status, failing_rows }) => [name, [status, failing_rows]]),
        );
        const verdict = (passed: boolean, failing = 0) => [passed ? 'passed' : 'failed', failing];
        const isRepeated = keys.map((one, index) => keys.indexOf(one) < index);
        const isOrphan = rows.map(({ k }) => k !== null && !ids.includes(k));
        const repeated = isRepeated.filter(Boolean).length;
        const orphans = isOrphan.filter(Boolean).length;
        const named = rows.flatMap(({ line, k }, index) => [
          ...(isRepeated[index] ? [`in/0.csv:${line} the key of an earlier row`] : []),
          ...(isOrphan[index] ? [`in/0.csv:${line} k ${k} not in the reference`] : []),
        ]);
        expect(places).toEqual(named.slice(0, LIMITS.placesMax));
        expect(found).toEqual({
          no_duplicates: verdict(repeated === 0, repeated),
          foreign_key: verdict(orphans === 0, orphans),
          aggregate: verdict(sum !== null && sum >= -5 && sum <= 5),
          reconcile: verdict(distinct === 4),
          row_count: verdict(rows.length >= 10 && rows.length <= 30),
        });
      }),
      { numRuns: runs },
    );
  });
});
