import * as fc from 'fast-check';
import { MISFIT_COLUMN } from '../../../pipeline/extract-sql';
import { looksUniform, planFold, type Fold } from '../../../pipeline/transforms/fold';
import { transforms } from '../../../pipeline/transforms/index';
import { planTransforms, planTransformSql } from '../../../pipeline/transforms/plan';
import { tallySteps } from '../../../pipeline/transforms/tally';
import { DATE, FLOAT, INTEGER, STRING, decimal, type Schema } from '../../../pipeline/types';
import {
  inDuckdb,
  parseStep,
  relationOf,
  textRows,
  transformRows,
  type Step,
  type TextRow,
} from '../../support/rows';

const schema: Schema = [
  { name: 'shop', type: STRING },
  { name: 'item', type: STRING },
  { name: 'count', type: INTEGER },
  { name: 'price', type: decimal(18, 2) },
  { name: 'weight', type: FLOAT },
  { name: 'day', type: DATE },
];

const GROUPING: Step = {
  type: 'aggregate',
  group_by: ['shop', 'item'],
  aggregations: {
    title: 'first(item)',
    price: 'last(price)',
    revenue: 'sum(count * price)',
    mean: 'avg(price)',
    weight: 'sum(weight)',
    rows: 'count(*)',
    prices: 'count_distinct(price)',
  },
};
const CHAINS: readonly Step[][] = [
  [GROUPING],
  [{ type: 'drop_nulls' }, { type: 'filter', column: 'count', operator: '>', value: 0 }, GROUPING],
  [
    { type: 'filter', column: 'shop', operator: 'is_not_null' },
    GROUPING,
    { type: 'select', columns: ['price', 'shop'] },
  ],
  [
    { type: 'drop_nulls', columns: ['day', 'count'] },
    { type: 'filter', column: 'day', operator: 'is_not_null' },
    { ...GROUPING, group_by: ['day', 'item'] },
  ],
  [
    { type: 'filter', column: 'day', operator: '>', value: '2026-01-31' },
    { ...GROUPING, group_by: ['day', 'item'] },
  ],
  [
    GROUPING,
    { type: 'filter', column: 'rows', operator: '>', value: 1 },
    { type: 'sort', by: ['revenue', 'shop', 'item'] },
  ],
];

function foldOf(...steps: Step[]): Fold | undefined {
  return planFold(planTransforms(steps.map(parseStep), schema, transforms));
}

interface Folded {
  found: { rows: number; misfits: number; uniform: boolean };
  rows: (string | null)[][];
  steps: ReturnType<typeof tallySteps>;
}

/** What extract and transform do with a source of one chunk: rows whose first column is `misfit` do not fit. */
function foldRows(steps: readonly Step[], rows: readonly TextRow[]): Promise<Folded> {
  const planned = planTransforms(steps.map(parseStep), schema, transforms);
  const fold = planFold(planned);
  if (!fold) throw new Error('these steps are not folded');
  return inDuckdb(async (db) => {
    const given = schema.map((column) =>
      fold.dates.includes(column.name) ? { ...column, type: STRING } : column,
    );
    const typed = `SELECT * EXCLUDE (_flexetl_record), coalesce(shop = 'misfit', false) AS ${MISFIT_COLUMN} FROM (${relationOf(given, rows)})`;
    await db.run(`CREATE TABLE groups AS ${fold.sql(typed)}`);
    const found = await db.one(fold.checkSql('groups'));
    const { statements, output } = planTransformSql(planned, 'never', schema, 'groups');
    const counted: { boundary: number; rows: number }[] = [];
    for (const { sql, counts } of statements) {
      const [row] = await db.all(sql);
      for (const { boundary, column } of counts) counted.push({ boundary, rows: Number(row?.[column]) });
    }
    const written = await textRows(db, output);
    return {
      found: found as unknown as Folded['found'],
      rows: written,
      steps: tallySteps(planned, counted, written.length),
    };
  });
}

const PRICES: Record<string, string> = { a: '1.10', b: '0.25', '': '7.00' };
/** Rows in which the price is the item's, as `last(price)` asks for. */
const rowsOf: fc.Arbitrary<TextRow[]> = fc.array(
  fc
    .tuple(
      fc.option(fc.constantFrom('x', 'y', ''), { freq: 4 }),
      fc.option(fc.constantFrom('a', 'b', ''), { freq: 4 }),
      fc.option(fc.integer({ min: -2, max: 4 }).map(String), { freq: 6 }),
      fc.option(fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map(String), { freq: 6 }),
      fc.option(fc.constantFrom('2026-01-31', '2026-02-01', '0001-01-01'), { freq: 6 }),
    )
    .map(([shop, item, count, weight, day]) => [shop, item, count, PRICES[item ?? ''] ?? null, weight, day]),
  { maxLength: 80 },
);

describe('rows that are grouped while they are read', () => {
  it.each(CHAINS.map((steps) => [steps.map(({ type }) => type).join(', '), steps] as const))(
    'give the groups and the counts that staged rows give: %s',
    async (_, steps) => {
      await fc.assert(
        fc.asyncProperty(rowsOf, async (rows) => {
          const staged = await transformRows(steps, schema, rows);
          const folded = await foldRows(steps, rows);
          expect(folded.found).toEqual({ rows: rows.length, misfits: 0, uniform: true });
          expect(folded.rows).toEqual(staged.rows);
          expect(folded.steps).toEqual(staged.steps);
        }),
        { numRuns: 25 },
      );
    },
  );

  const first: Step = { type: 'aggregate', group_by: ['shop'], aggregations: { item: 'first(item)' } };

  it.each([
    ['two values', 'a', 'b'],
    ['a value and a null', 'a', null],
  ])('are told from those whose order counts: %s in one group', async (_, one, other) => {
    const { found } = await foldRows(
      [first],
      [
        ['x', one, '1', null, null],
        ['y', one, '1', null, null],
        ['x', other, '1', null, null],
      ],
    );
    expect(found).toEqual({ rows: 3, misfits: 0, uniform: false });
  });

  it('may differ in a group by what is removed before', async () => {
    const positive: Step = { type: 'filter', column: 'count', operator: '>', value: 0 };
    const { found, rows } = await foldRows(
      [positive, first],
      [
        ['x', 'a', '1', null, null],
        ['x', 'b', '0', null, null],
        ['x', 'c', null, null, null],
      ],
    );
    expect(found.uniform).toBe(true);
    expect(rows).toEqual([['x', 'a']]);
  });

  it('are counted apart where they do not fit their columns', async () => {
    const { found } = await foldRows(
      [first],
      [
        ['misfit', 'a', '1', null, null],
        ['misfit', 'b', '1', null, null],
        ['x', 'a', '1', null, null],
      ],
    );
    expect(found).toEqual({ rows: 3, misfits: 2, uniform: true });
  });

  const byDay: Step = { type: 'aggregate', group_by: ['day'], aggregations: { n: 'count(*)' } };

  it('have dates that are checked once for each group, also of rows that are removed', async () => {
    expect(foldOf(byDay)?.dates).toEqual(['day']);
    const steps: Step[] = [{ type: 'filter', column: 'count', operator: '>', value: 0 }, byDay];
    const { found } = await foldRows(steps, [
      ['x', 'a', '1', null, null, '2026-01-31'],
      ['x', 'a', '1', null, null, '2026-02-30'],
      ['x', 'a', '0', null, null, '31.1.2026'],
      ['x', 'a', '0', null, null, '31.1.2026'],
      ['misfit', 'a', '1', null, null, 'infinity'],
      ['x', 'a', '1', null, null, null],
    ]);
    expect(found).toEqual({ rows: 6, misfits: 4, uniform: true });
  });

  it.each([
    ['a condition', [{ type: 'filter', column: 'day', operator: '>', value: '2026-01-31' }, byDay]],
    ['a computation', [{ ...byDay, aggregations: { last: 'max(day)' } }]],
  ] as [string, Step[]][])('have dates that are checked in each row where %s looks at them', (_, steps) => {
    expect(foldOf(...steps)?.dates).toEqual([]);
  });

  it('need one group only for all that are removed', async () => {
    const none: Step = { type: 'filter', column: 'count', operator: '>', value: 9 };
    const rows = Array.from({ length: 50 }, (_, index): TextRow => [
      `s${index}`,
      `i${index}`,
      '1',
      null,
      null,
    ]);
    const fold = foldOf(none, GROUPING);
    const typed = `SELECT * EXCLUDE (_flexetl_record), false AS ${MISFIT_COLUMN} FROM (${relationOf(schema, rows)})`;
    const staged = await inDuckdb((db) => textRows(db, fold?.sql(typed) ?? ''));
    expect(staged).toHaveLength(1);
  });
});

describe('what is staged as rows and not folded', () => {
  const total = { total: 'sum(count)' };
  it.each([
    ['no grouping at all', [{ type: 'drop_nulls' }]],
    ['one group of all, which is there without a row too', [{ type: 'aggregate', aggregations: total }]],
    [
      'values made before the grouping',
      [
        { type: 'derive', columns: { twice: 'count * 2' } },
        { type: 'aggregate', group_by: ['shop'], aggregations: total },
      ],
    ],
    [
      'another step over all rows before',
      [
        { type: 'deduplicate', columns: ['item'] },
        { type: 'aggregate', group_by: ['shop'], aggregations: total },
      ],
    ],
    [
      'the first of floats, of which 0 and -0 are one',
      [{ type: 'aggregate', group_by: ['shop'], aggregations: { weight: 'first(weight)' } }],
    ],
  ])('%s', (_, steps) => {
    expect(foldOf(...steps)).toBeUndefined();
  });
});

describe('a sample', () => {
  const fold = { keys: ['shop'], uniform: ['item'] };
  it.each([
    [
      'has one value in each group',
      [
        ['a', 'x'],
        ['b', 'y'],
        ['a', 'x'],
      ],
      true,
    ],
    [
      'has two in one',
      [
        ['a', 'x'],
        ['b', 'y'],
        ['a', 'y'],
      ],
      false,
    ],
    [
      'has a null beside a value',
      [
        ['a', 'x'],
        ['a', null],
      ],
      false,
    ],
    ['is empty', [], true],
  ])('%s', (_, records, uniform) => {
    expect(looksUniform(fold, ['shop', 'item'], records)).toBe(uniform);
  });
});
