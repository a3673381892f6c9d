import * as fc from 'fast-check';
import { z } from 'zod';
import { tallySteps } from '../../pipeline/transforms/tally';
import { transforms } from '../../pipeline/transforms/index';
import { columnsNeeded, isRowWise, planTransforms } from '../../pipeline/transforms/plan';
import { planTransformSql } from '../../pipeline/transforms/transform-sql';
import type { Transform, TransformPlan } from '../../plugin/transform';
import { parseStep, transformRows, type Step, type TextRow } from '../support/rows';
import { noteCaught, noteLaws } from '../support/conformance-table';
import { anyRows, brokenLaws, LAWS, SCHEMA as schema, type Law } from '../support/transform-laws';

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

describe('every transform', () => {
  it.each(uses)('keeps the laws: %s %j', async (type, step) => {
    const broken = await brokenLaws({ step });
    noteLaws('transforms', type, Object.keys(LAWS), broken);
    expect(broken).toEqual([]);
  });
});

describe('a transform that breaks a law', () => {
  const fake = (changes: Partial<TransformPlan>): Transform<unknown> => ({
    type: 'fake',
    description: 'A transform.',
    options: z.strictObject({}),
    plan: (_, before) => ({
      schema: before,
      scope: 'row',
      columnsRead: (outputs) => outputs,
      select: (input) => `SELECT * FROM ${input}`,
      ...changes,
    }),
  });
  const LAWLESS: Record<Law, Transform<unknown>> = {
    'every number of threads and every cut into parts give the same rows': fake({
      select: (input) => `SELECT * REPLACE (count(*) OVER () AS id) FROM ${input}`,
    }),
    'every row is counted, also among steps that change nothing': fake({
      select: (input) => `SELECT * FROM ${input} WHERE id > 0`,
    }),
    'it reads only columns that are there, and names them the same each time': fake({
      columnsRead: () => new Set(['nmae']),
    }),
  };

  it.each(Object.keys(LAWS) as Law[])('is found out: %s', async (law) => {
    const broken = await brokenLaws({ step: { type: 'fake' }, also: [LAWLESS[law]] }, [law]);
    expect(broken.join()).toContain(law);
    noteCaught('transforms', law);
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
      fc.asyncProperty(anyRows, async (rows) => {
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
