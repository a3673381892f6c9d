import { compareOutcome, type Found } from '../../pipeline/fixtures/compare';
import { parseFixtureFile, type Expected } from '../../pipeline/fixtures/fixture-file';
import { recordExpected } from '../../pipeline/fixtures/record';
import type { Schema } from '../../pipeline/types';

const schema: Schema = [
  { name: 'id', type: { kind: 'integer' } },
  { name: 'price', type: { kind: 'decimal', precision: 18, scale: 2 } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'note', type: { kind: 'string' } },
];
const found = (rows: Found['rows'], more: Partial<Found> = {}): Found => ({
  schema,
  rows,
  rejects: [],
  ...more,
});
const rowsOf = (...rows: NonNullable<Expected['rows']>): Expected => ({ rows });
const ROW = ['7', '2.50', '2026-01-01 10:00:00', null];

describe('what came out', () => {
  it.each([
    [{ id: 7, price: 2.5 }],
    [{ price: '2.50' }],
    [{ price: '02.5' }],
    [{ at: '2026-01-01T10:00:00.000' }],
    [{ note: null }],
  ])('is what is expected where the values are the same: %j', (row) => {
    expect(compareOutcome(rowsOf(row), found([ROW]), false)).toEqual([]);
  });

  it.each([
    [{ id: 8 }, '- expected  id 8', '+ found     id 7'],
    [{ price: '2.51' }, '- expected  price 2.51', '+ found     price 2.50'],
    [{ price: '-2.50' }, '- expected  price -2.50', '+ found     price 2.50'],
    [{ note: 'null' }, '- expected  note null', '+ found     note null'],
    [{ id: 'seven' }, '- expected  id seven', '+ found     id 7'],
  ])('differs: %j', (row, ...lines) => {
    expect(compareOutcome(rowsOf(row), found([ROW]), false)).toEqual(lines);
  });

  it('may be in any order, but not twice, unless the order is expected', () => {
    const two = found([
      ['1', null, null, null],
      ['2', null, null, null],
    ]);
    expect(compareOutcome(rowsOf({ id: 2 }, { id: 1 }), two, false)).toEqual([]);
    expect(compareOutcome(rowsOf({ id: 2 }, { id: 1 }), two, true)).toHaveLength(4);
    expect(compareOutcome(rowsOf({ id: 1 }, { id: 1 }), two, false)).toEqual([
      '- expected  id 1',
      '+ found     id 2',
    ]);
    expect(compareOutcome(rowsOf(), two, false)).toHaveLength(2);
  });

  it('must have the columns that are expected', () => {
    expect(compareOutcome(rowsOf({ prize: 1 }), found([ROW]), false)).toEqual([
      'the output has no column "prize". Did you mean "price"?',
    ]);
  });

  it('may be an error, but only the one that is expected', () => {
    const error = { code: 'SOURCE_MISSING', message: 'There is no file.' };
    expect(compareOutcome({ error: 'SOURCE_MISSING' }, found([], { error }), false)).toEqual([]);
    expect(compareOutcome({ error: 'CHECK_FAILED' }, found([], { error }), false)).toEqual([
      'the run ended with SOURCE_MISSING: There is no file.',
    ]);
    expect(compareOutcome({ error: 'CHECK_FAILED' }, found([ROW]), false)).toEqual([
      'the run was expected to end with CHECK_FAILED, and came to its end',
    ]);
    expect(compareOutcome(rowsOf({ id: 7 }), found([], { error }), false)).toEqual([
      'the run ended with SOURCE_MISSING: There is no file.',
    ]);
  });

  it('has the rejects that are expected, and no others', () => {
    const reject = { record: 1, line: 2, column: 'id', rule: 'type', value: 'x' };
    const error = { code: 'RECORDS_REJECTED', message: '1 of 1 records does not fit.' };
    const one = found([], { error, rejects: [reject] });
    expect(compareOutcome({ rejects: [{ line: 2, value: 'x' }] }, one, false)).toEqual([]);
    expect(compareOutcome({ rejects: [{ line: 3 }] }, one, false)).toEqual([
      '- expected  reject line 3',
      '+ found     reject record 1, line 2, column id, rule type, value x',
    ]);
    expect(compareOutcome({ rejects: [] }, one, false)).toHaveLength(2);
  });
});

describe('a test file', () => {
  const parse = (text: string) => parseFixtureFile(text, 'configs/sales.test.yaml');

  it.each([
    ['tests: []', 'configs/sales.test.yaml:1:1 version: missing'],
    ['version: "1.0"\ntests:\n  - name: a\n    given: {}\n', '4:12 tests.0.given: expected one of rows'],
    ['version: "1.0"\ntests:\n  - name: a\n    given: {rows: [{a: 1}], text: b}\n', 'expected one of rows'],
    [
      'version: "1.0"\ntests:\n  - {name: a, given: {text: b}, expected: {rows: []}}\n',
      'Did you mean "expect"?',
    ],
    ['version: "1.0"\ntests:\n  - {name: a, given: {rows: [{a: 9007199254740993}]}}\n', '3:34'],
    ['version: "1.0"\ntests:\n  - {name: a, given: {rows: [{a: [1]}]}}\n', 'tests.0.given.rows.0.a'],
  ])('that is wrong is refused with its place: %j', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it('gets what came out, and keeps its comments and other tests', () => {
    const text = `# ours
version: "1.0"
tests:
  - name: first # one
    given: {rows: [{id: 1}]}
  - name: second
    given: {text: "$x"}
    expect: {error: SOURCE_EMPTY}
`;
    const written = recordExpected(text, new Map([[0, found([ROW])]]));
    expect(written).toContain('# ours\n');
    expect(written).toContain('first # one');
    const [first, second] = parse(written).tests;
    expect(first?.expect?.rows).toEqual([{ id: '7', price: '2.50', at: '2026-01-01 10:00:00', note: null }]);
    expect(second).toMatchObject({ given: { text: '$x' }, expect: { error: 'SOURCE_EMPTY' } });
  });
});
