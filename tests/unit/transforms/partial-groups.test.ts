import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import type { ExtractedPart } from '../../../engine/parts';
import { transformParts } from '../../../engine/transform';
import { RECORD_COLUMN, REJECTED_COLUMN } from '../../../pipeline/columns';
import { FlexetlError } from '../../../pipeline/errors';
import type { StepCount } from '../../../pipeline/row-balance';
import { stagedColumn } from '../../../pipeline/stage-sql';
import { transforms } from '../../../pipeline/transforms/index';
import {
  looksWorthwhile,
  planPartialGroups,
  type PartialGroups,
} from '../../../pipeline/transforms/partial-groups';
import { planTransforms } from '../../../pipeline/transforms/plan';
import { DATE, FLOAT, formatType, INTEGER, STRING, decimal, type Schema } from '../../../pipeline/types';
import { withDuckdb, type Duckdb } from '../../../runtime/duckdb';
import { makeFolder } from '../../support/folder';
import { parseStep, relationOf, textRows, type Step, type TextRow } from '../../support/rows';

const schema: Schema = [
  { name: 'shop', type: STRING },
  { name: 'item', type: STRING },
  { name: 'count', type: INTEGER },
  { name: 'price', type: decimal(18, 2) },
  { name: 'weight', type: FLOAT },
  { name: 'day', type: DATE },
  { name: 'wide', type: decimal(38, 4) },
];

const AGGREGATIONS = {
  revenue: 'sum(count * price)',
  counts: 'sum(count)',
  mean: 'avg(price)',
  weight_sum: 'sum(weight)',
  weight_mean: 'avg(weight)',
  lightest: 'min(weight)',
  latest: 'max(day)',
  wide_sum: 'sum(wide)',
  wide_mean: 'avg(wide)',
  rows: 'count(*)',
  items: 'count(item)',
  ratio: 'if(count(count) = 0, null, sum(price) / count(count))',
};
const GROUPING: Step = {
  type: 'aggregate',
  group_by: ['shop', 'item'],
  aggregations: { title: 'first(item)', last: 'last(price)', ...AGGREGATIONS },
};
/** What the steps around a grouping are tried with. */
const SMALL: Step = {
  ...GROUPING,
  aggregations: { last: 'last(price)', revenue: 'sum(count * price)', mean: 'avg(price)', rows: 'count(*)' },
};
const CHAINS: readonly Step[][] = [
  [GROUPING],
  [{ type: 'aggregate', group_by: [], aggregations: AGGREGATIONS }],
  [
    {
      type: 'aggregate',
      group_by: ['shop'],
      aggregations: { sum: 'sum(weight)', mean: 'avg(weight)', revenue: 'sum(count * price)' },
    },
  ],
  [{ type: 'aggregate', group_by: ['weight'], aggregations: { n: 'count(*)', day: 'last(day)' } }],
  [
    { type: 'drop_nulls', columns: ['item'] },
    { type: 'filter', column: 'count', operator: '>', value: 0 },
    SMALL,
  ],
  [
    { type: 'filter', column: 'shop', operator: 'is_not_null' },
    SMALL,
    { type: 'select', columns: ['last', 'shop', 'mean'] },
  ],
  [
    { type: 'filter', column: 'day', operator: '>', value: '2026-01-31' },
    { ...SMALL, group_by: ['day', 'item'] },
    { type: 'filter', column: 'rows', operator: '>', value: 1 },
    { type: 'sort', by: ['revenue', 'day', 'item'] },
  ],
];

const dir = makeFolder();
const inDuckdb = <T>(work: (db: Duckdb) => Promise<T>): Promise<T> =>
  withDuckdb({ dir, memoryMb: 400, threads: 2 }, work);

const planned = (steps: readonly Step[]): ReturnType<typeof planTransforms> =>
  planTransforms(steps.map(parseStep), schema, transforms);

function partialOf(steps: readonly Step[]): PartialGroups {
  const partial = planPartialGroups(planned(steps));
  if (!partial) throw new Error('these steps make no partial groups');
  return partial;
}

/** Rows as extract has them: without record numbers; those whose shop is `rejected` are. */
function typedRows(rows: readonly TextRow[]): string {
  const rejected = `coalesce(shop = 'rejected', false) AS "${REJECTED_COLUMN}"`;
  return `SELECT * EXCLUDE ("${RECORD_COLUMN}"), ${rejected} FROM (${relationOf(schema, rows)})`;
}

type Kind = ExtractedPart['receipt']['kind'];

/** Stages a part as extract does: as groups where that is wanted and can be, otherwise as rows. */
async function stagePart(
  db: Duckdb,
  partial: PartialGroups,
  rows: readonly TextRow[],
  kind: Kind,
  index: number,
): Promise<ExtractedPart> {
  const path = join(dir, `${randomUUID()}.parquet`);
  if (kind === 'groups') {
    try {
      await db.copy(partial.sql(typedRows(rows)), path);
      const found = await db.one(partial.checkSql(`read_parquet('${path}')`));
      expect(found['rows']).toBe(rows.length);
      if (found['uniform'] === true) return { path, index, receipt: receiptOf(kind, rows) };
    } catch (error) {
      expect((error as FlexetlError).code).toBe('VALUE_OVERFLOW');
    }
  }
  const names = schema.map(({ name }, column) => `"${name}" AS ${stagedColumn(column)}`).join(', ');
  await db.copy(`SELECT ${names} FROM (${relationOf(schema, rows)})`, path);
  return { path, index, receipt: receiptOf('rows', rows) };
}

function receiptOf(kind: Kind, rows: readonly TextRow[]): ExtractedPart['receipt'] {
  const types = schema.map(({ type }) => formatType(type));
  return { kind, rows: rows.length, rejected: 0, verdicts: 0, types, states: [], counted: [] };
}

type Cut = readonly (readonly [size: number, kind: Kind])[];
interface Result {
  rows: (string | null)[][] | string;
  counts: readonly StepCount[];
  kinds: string[];
}

/** The result of parts cut from rows; an overflow as its code. */
function transform(steps: readonly Step[], rows: readonly TextRow[], cut: Cut): Promise<Result> {
  return inDuckdb(async (db) => {
    const parts: ExtractedPart[] = [];
    let start = 0;
    for (const [size, kind] of [...cut, [Infinity, 'rows'] as const]) {
      parts.push(await stagePart(db, partialOf(steps), rows.slice(start, start + size), kind, parts.length));
      start += size;
    }
    const kinds = parts.map(({ receipt }) => receipt.kind);
    const file = join(dir, `${randomUUID()}.parquet`);
    try {
      const { counts } = await transformParts(db, planned(steps), schema, parts, file);
      return { rows: await textRows(db, `SELECT * FROM read_parquet('${file}')`), counts, kinds };
    } catch (error) {
      if (!(error instanceof FlexetlError)) throw error;
      return { rows: error.code, counts: [], kinds };
    }
  });
}

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T | null> =>
  fc.option(fc.constantFrom(...values), { freq: 5 });
const rowsOf: fc.Arbitrary<TextRow[]> = fc.array(
  fc.tuple(
    oneOf('x', 'y', ''),
    oneOf('a', 'b', ''),
    oneOf('-2', '0', '3', '9223372036854775807', '-9223372036854775807'),
    oneOf('1.10', '0.25', '-7.00', '9999999999999999.99'),
    oneOf('0', '-0', '0.1', '-1e20', '1e20', '1e-40', '1e300', '-1e300', '1e28'),
    oneOf('2026-01-31', '2026-02-01', '0001-01-01'),
    oneOf('9'.repeat(34), `-${'9'.repeat(34)}.9999`, '0.0001', '5'.repeat(33)),
  ),
  { maxLength: 40 },
);
const tame: fc.Arbitrary<TextRow[]> = rowsOf.map((rows) =>
  rows.map(
    ([shop = null, item = null, count = null, price = null, weight = null, day = null, wide = null]) => [
      shop,
      item,
      count === null ? null : count.slice(0, 3),
      { a: '1.10', b: '0.25' }[item ?? ''] ?? price?.slice(-5) ?? null,
      weight?.replace(/300|28/, '12') ?? null,
      day,
      wide?.slice(-12) ?? null,
    ],
  ),
);
const cutOf: fc.Arbitrary<Cut> = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom('rows' as const, 'groups' as const)),
  { maxLength: 5 },
);

describe('parts staged as groups, as rows, or mixed', () => {
  const named = CHAINS.map((steps) => [steps.map(({ type }) => type).join(', '), steps] as const);

  it.each(named)('give the rows and counts of one grouping of all rows: %s', async (_, steps) => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(tame, rowsOf), cutOf, async (rows, cut) => {
        const whole = await transform(steps, rows, []);
        const parts = await transform(steps, rows, cut);
        for (const kind of parts.kinds) kinds.add(kind);
        expect(parts.rows).toEqual(whole.rows);
        expect(parts.counts).toEqual(whole.counts);
      }),
      { numRuns: 12 },
    );
    expect([...kinds].sort()).toEqual(['groups', 'rows']);
  });

  it('give them for any order of the rows where their order does not count', async () => {
    const steps: Step[] = [{ type: 'aggregate', group_by: ['shop'], aggregations: AGGREGATIONS }];
    await fc.assert(
      fc.asyncProperty(fc.oneof(tame, rowsOf), cutOf, async (rows, cut) => {
        const [whole, turned] = [
          await transform(steps, rows, []),
          await transform(steps, [...rows].reverse(), cut),
        ];
        expect(turned.rows).toEqual(whole.rows);
      }),
      { numRuns: 12 },
    );
  });

  it('add up exactly as long as the sum of all fits, whatever the sums of parts are', async () => {
    const steps: Step[] = [
      { type: 'aggregate', group_by: [], aggregations: { i: 'sum(count)', w: 'sum(wide)' } },
    ];
    const most = 10n ** 38n;
    const digits = fc.bigInt({ min: -most + 1n, max: most - 1n });
    const count = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const show = (value: bigint): string => {
      const text = String(value < 0n ? -value : value).padStart(5, '0');
      return `${value < 0n ? '-' : ''}${text.slice(0, -4)}.${text.slice(-4)}`;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(count, digits), { minLength: 1, maxLength: 8 }),
        cutOf,
        async (pairs, cut) => {
          const rows = pairs.map(([i, w]): TextRow => [null, null, String(i), null, null, null, show(w)]);
          const [i, w] = [0, 1].map((place) =>
            pairs.reduce((sum, pair) => sum + (pair[place] ?? 0n), 0n),
          ) as [bigint, bigint];
          const fits = i >= -(2n ** 63n) && i < 2n ** 63n && w > -most && w < most;
          const expected = fits ? [[String(i), show(w)]] : 'VALUE_OVERFLOW';
          expect((await transform(steps, rows, cut)).rows).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  });

  const first: Step = { type: 'aggregate', group_by: ['shop'], aggregations: { item: 'first(item)' } };
  const row = (shop: string | null, item: string | null, count: string | null = '1'): TextRow => [
    shop,
    item,
    count,
  ];

  it.each([
    ['two values', 'a', 'b'],
    ['a value and a null', 'a', null],
  ])('are staged as rows where the order of records counts: %s in one group', async (_, one, other) => {
    const { kinds, rows } = await transform(
      [first],
      [row('x', one), row('y', one), row('x', other)],
      [[9, 'groups']],
    );
    expect(kinds).toEqual(['rows', 'rows']);
    expect(rows).toEqual([
      ['x', one],
      ['y', one],
    ]);
  });

  it('keep the order of parts: the first value of all, not of a part', async () => {
    const rows = [row('x', null), row('x', null), row('x', 'late'), row('x', 'later')];
    const cut: Cut = [
      [2, 'groups'],
      [1, 'rows'],
      [1, 'groups'],
    ];
    const both = { first: 'first(item)', last: 'last(item)' };
    const found = await transform([{ ...first, aggregations: both }], rows, cut);
    expect(found.kinds).toEqual(['groups', 'rows', 'groups', 'rows']);
    expect(found.rows).toEqual([['x', 'late', 'later']]);
  });

  it('may differ in a group by what is removed before', async () => {
    const positive: Step = { type: 'filter', column: 'count', operator: '>', value: 0 };
    const rows = [row('x', 'a'), row('x', 'b', '0'), row('x', 'c', null)];
    const found = await transform([positive, first], rows, [[9, 'groups']]);
    expect(found.kinds).toEqual(['groups', 'rows']);
    expect(found.rows).toEqual([['x', 'a']]);
  });
});

describe('partial groups', () => {
  it('count the rows that are rejected, in one group', async () => {
    const rows: TextRow[] = [
      ['rejected', 'a'],
      ['rejected', 'b'],
      ['x', 'a'],
    ];
    const partial = partialOf([GROUPING]);
    await inDuckdb(async (db) => {
      await db.run(`CREATE TABLE groups AS ${partial.sql(typedRows(rows))}`);
      expect(await db.one(partial.checkSql('groups'))).toEqual({ rows: 3, rejected: 2, uniform: true });
      expect(await textRows(db, 'SELECT 1 FROM groups')).toHaveLength(2);
    });
  });

  it('are one for all rows that a step removes', async () => {
    const none: Step = { type: 'filter', column: 'count', operator: '>', value: 9 };
    const rows = Array.from({ length: 50 }, (_, index): TextRow => [`s${index}`, `i${index}`, '1']);
    const groups = await inDuckdb((db) => textRows(db, partialOf([none, GROUPING]).sql(typedRows(rows))));
    expect(groups).toHaveLength(1);
  });

  const total = { total: 'sum(count)' };
  it.each<[string, Step[]]>([
    ['no grouping at all', [{ type: 'drop_nulls' }]],
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
      'a count of different values',
      [{ type: 'aggregate', group_by: ['shop'], aggregations: { items: 'count_distinct(item)' } }],
    ],
    [
      'the first of floats, of which 0 and -0 are one',
      [{ type: 'aggregate', group_by: ['shop'], aggregations: { weight: 'first(weight)' } }],
    ],
  ])('are not made for %s', (_, steps) => {
    expect(planPartialGroups(planned(steps))).toBeUndefined();
  });
});

describe('a sample of records', () => {
  const partial = { keys: ['shop', 'item'], uniform: ['title'] };
  const columns = ['shop', 'item', 'title'];
  const sample = (shops: number, items: number, titles = items): string[][] =>
    Array.from({ length: 1000 }, (_, index) => {
      const random = (index * 7919) % 1000;
      return [`s${random % shops}`, `i${(index * 31) % items}`, `t${(index * 31) % titles}`];
    });

  it.each([
    ['few groups', sample(3, 7), 100_000, true],
    ['no record', [], 100_000, false],
    ['groups of one row', sample(1, 1000), 100_000, false],
    ['as many groups as a small part has rows', sample(100, 100), 10_000, false],
    ['the same groups and a large part', sample(100, 100), 100_000, true],
    ['several values where one is needed', sample(3, 7, 8), 100_000, false],
  ])('with %s', (_, records, partRows, expected) => {
    expect(looksWorthwhile(partial, columns, records, partRows)).toBe(expected);
  });

  it('is not asked where all rows are one group', () => {
    expect(looksWorthwhile({ keys: [], uniform: [] }, columns, sample(9, 9), 100)).toBe(true);
  });
});
