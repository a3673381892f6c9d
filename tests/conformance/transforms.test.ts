import * as fc from 'fast-check';
import { tallySteps } from '../../pipeline/transforms/tally';
import { transforms } from '../../pipeline/transforms/index';
import { columnsNeeded, isRowWise, planTransforms } from '../../pipeline/transforms/plan';
import { planTransformSql } from '../../pipeline/transforms/transform-sql';
import { findImbalances, bookRows } from '../../pipeline/row-balance';
import { BOOLEAN, DATE, FLOAT, INTEGER, STRING, decimal, type Schema } from '../../pipeline/types';
import { parseStep, transformRows, type Step, type TextRow } from '../support/rows';

const schema: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
  { name: 'price', type: decimal(18, 2) },
  { name: 'weight', type: FLOAT },
  { name: 'day', type: DATE },
  { name: 'ok', type: BOOLEAN },
];

/** Every transform, as it is used; a new one must be added here. */
const USES: Record<string, readonly Step[]> = {
  drop_nulls: [{ type: 'drop_nulls' }, { type: 'drop_nulls', columns: ['price'] }],
  filter: [
    { type: 'filter', column: 'id', operator: '>', value: 1 },
    { type: 'filter', column: 'name', operator: 'in', value: ['a', 'b'] },
  ],
  aggregate: [
    {
      type: 'aggregate',
      group_by: ['name', 'day'],
      aggregations: {
        total: 'sum(id * price)',
        mean: 'avg(price)',
        weight: 'sum(weight)',
        first: 'first(id)',
        last: 'last(price)',
        rows: 'count(*)',
        names: 'count_distinct(ok)',
      },
    },
    { type: 'aggregate', aggregations: { total: 'sum(id)', mean: 'avg(weight)' } },
  ],
  select: [{ type: 'select', columns: ['price', 'id'] }],
  rename: [{ type: 'rename', columns: { id: 'name', name: 'id' } }],
  cast: [{ type: 'cast', columns: { id: 'decimal(25,3)', price: 'string', ok: 'integer' } }],
  derive: [{ type: 'derive', columns: { id: 'id + 1', revenue: 'id * price', share: 'price / 3' } }],
  deduplicate: [
    { type: 'deduplicate', columns: ['name'] },
    { type: 'deduplicate', columns: ['id', 'name'], keep: 'last' },
    { type: 'deduplicate' },
  ],
  sort: [{ type: 'sort', by: ['name', { column: 'price', order: 'desc', nulls: 'first' }] }],
};
const uses = Object.entries(USES).flatMap(([type, steps]) =>
  steps.map((step): [string, Step] => [type, step]),
);

const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 5 });
const rowsOf: fc.Arbitrary<TextRow[]> = fc.array(
  fc.tuple(
    nullable(fc.integer({ min: -3, max: 5 }).map(String)),
    nullable(fc.constantFrom('a', 'b', 'A', '', "it's")),
    nullable(fc.integer({ min: -400, max: 400 }).map((cents) => (cents / 100).toFixed(2))),
    nullable(fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map(String)),
    nullable(fc.constantFrom('2026-01-01', '2026-01-02')),
    nullable(fc.boolean().map(String)),
  ),
  { maxLength: 60 },
);
const RUNS = { numRuns: 6 };

describe.each(transforms.map((one) => [one.type, one] as const))('the transform %s', (type, transform) => {
  it('describes itself and each of its options', () => {
    expect(transform.description).toMatch(/\.$/);
    expect(USES[type]).toBeDefined();
    const { shape } = transform.options as unknown as { shape: Record<string, { description?: string }> };
    for (const option of Object.values(shape)) expect(option.description).toBeTruthy();
  });

  it('refuses options it does not know', () => {
    for (const step of USES[type] ?? []) {
      expect(transform.options.safeParse({ ...step, type: undefined, unknown: 1 }).success).toBe(false);
    }
  });
});

describe.each(uses)('%s %j', (_, step) => {
  it('gives the same rows for every number of threads and every cut into parts', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, fc.integer({ min: 1, max: 20 }), async (rows, partRows) => {
        const whole = await transformRows([step], schema, rows, { threads: 1 });
        const cut = await transformRows([step], schema, rows, { threads: 4, partRows });
        expect(cut.rows).toEqual(whole.rows);
        expect(cut.steps).toEqual(whole.steps);
      }),
      RUNS,
    );
  });

  it('gives the same rows after steps that change nothing, and counts every row', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, async (rows) => {
        const alone = await transformRows([step], schema, rows);
        const idle = { type: 'filter', column: 'id', operator: 'not_in', value: [-999] };
        const steps = [{ type: 'sort', by: ['id'] }, idle, step, { type: 'derive', columns: { extra: '1' } }];
        const among = await transformRows(steps, schema, rows);
        const flow = bookRows(rows.length, 0, alone.steps, alone.rows.length);
        expect(findImbalances(flow, alone.steps, [])).toEqual([]);
        const books = bookRows(rows.length, 0, among.steps, among.rows.length);
        expect(findImbalances(books, among.steps, [])).toEqual([]);
      }),
      RUNS,
    );
  });

  it('reads only columns that are there, and makes the same of them alone', async () => {
    const [planned] = planTransforms([parseStep(step)], schema, transforms);
    const names = schema.map(({ name }) => name);
    for (const { name } of planned?.plan.schema ?? []) {
      const needed = planned?.plan.columnsRead(new Set([name])) ?? new Set();
      expect(names).toEqual(expect.arrayContaining([...needed]));
    }
    expect(names).toEqual(expect.arrayContaining([...columnsNeeded(planned ? [planned] : [], names)]));
  });
});

describe('a chain of transforms', () => {
  const sales: Step[] = [
    { type: 'drop_nulls' },
    { type: 'filter', column: 'id', operator: '>', value: 0 },
    { type: 'derive', columns: { revenue: 'id * price' } },
    { type: 'filter', column: 'revenue', operator: '>=', value: '0.10' },
    { type: 'deduplicate', columns: ['name', 'id'] },
    { type: 'sort', by: [{ column: 'revenue', order: 'desc' }] },
    {
      type: 'aggregate',
      group_by: ['name'],
      aggregations: { best: 'first(revenue)', total: 'sum(revenue)' },
    },
    { type: 'rename', columns: { name: 'who' } },
    { type: 'filter', column: 'total', operator: '>', value: 1 },
  ];

  it('equals the same chain computed step by step in exact integers', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, async (rows) => {
        const { rows: found, steps } = await transformRows(sales, schema, rows, { threads: 4 });
        expect(found).toEqual(computeSales(rows));
        expect(steps.map(({ fate }) => fate)).toEqual([
          'dropped',
          'filtered',
          null,
          'filtered',
          'deduplicated',
          null,
          'aggregated',
          null,
          'filtered',
        ]);
      }),
      { numRuns: 25 },
    );
  });

  it('reads only the columns that something uses', () => {
    const planned = planTransforms(
      [
        { type: 'filter', column: 'ok', operator: '=', value: true },
        { type: 'derive', columns: { a: 'id + 1', b: 'length(name)' } },
        { type: 'select', columns: ['a'] },
      ].map(parseStep),
      schema,
      transforms,
    );
    expect([...columnsNeeded(planned, ['id'])].sort()).toEqual(['id', 'ok']);
    expect([...columnsNeeded([], ['id', 'name'])]).toEqual(['id', 'name']);
    const counting = planTransforms(
      [parseStep({ type: 'aggregate', aggregations: { n: 'count(*)' } })],
      schema,
      transforms,
    );
    expect([...columnsNeeded(counting, ['id', 'name'])]).toEqual(['id']);
  });

  it('counts filters in a row in one scan', () => {
    const planned = planTransforms(sales.slice(0, 2).map(parseStep), schema, transforms);
    const { statements } = planTransformSql(planned, { rows: 'SELECT 1' }, schema);
    expect(statements).toHaveLength(1);
    expect(statements[0]?.sql.match(/ FROM \(SELECT /g)).toHaveLength(1);
    expect(isRowWise(planned)).toBe(true);
  });

  it('keeps its exact result where the fast arithmetic is too narrow', async () => {
    const rows: TextRow[] = [0, 1].map(() => [
      '9000000000000000',
      'a',
      '9000000000000000.01',
      null,
      null,
      null,
    ]);
    const step = { type: 'aggregate', aggregations: { total: 'sum(id * price)' } };
    const { rows: found } = await transformRows([step], schema, rows);
    expect(found).toEqual([['162000000000000000180000000000000.00']]);
  });

  it('fails when two counts of the same rows differ', () => {
    const planned = planTransforms([parseStep({ type: 'sort', by: ['id'] })], schema, transforms);
    expect(() => tallySteps(planned, [{ boundary: 1, rows: 2 }], 3)).toThrow(/counted 2 rows, then 3/);
  });
});

/** The chain `sales` in plain TypeScript, cents as bigint. */
function computeSales(rows: readonly TextRow[]): (string | null)[][] {
  const cents = (text: string | null | undefined): bigint => BigInt((text ?? '').replace('.', ''));
  const seen = new Set<string>();
  const kept = rows
    .filter((row) => row.every((value) => value !== null))
    .map(([id, name, price]) => ({
      id: BigInt(id ?? 0),
      name: name ?? '',
      revenue: BigInt(id ?? 0) * cents(price),
    }))
    .filter(({ id, revenue }) => id > 0n && revenue >= 10n)
    .filter(({ id, name }) => {
      const key = `${name}/${id}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    })
    .sort((a, b) => (a.revenue === b.revenue ? 0 : a.revenue > b.revenue ? -1 : 1));
  const show = (value: bigint): string => `${value / 100n}.${String(value % 100n).padStart(2, '0')}`;
  return [...new Set(kept.map(({ name }) => name))]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap((name) => {
      const group = kept.filter((row) => row.name === name);
      const total = group.reduce((sum, { revenue }) => sum + revenue, 0n);
      return total > 100n ? [[name, show(group[0]?.revenue ?? 0n), show(total)]] : [];
    });
}
