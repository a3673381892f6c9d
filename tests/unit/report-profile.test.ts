import fc from 'fast-check';
import { findStagedParts } from '../../engine/report/staged-parts';
import { distinctOf, profileRows } from '../../engine/report/profile';
import { sessionOptions } from '../../engine/plan';
import { LIMITS } from '../../pipeline/limits';
import type { ProfileReport } from '../../pipeline/report';
import { withDuckdb } from '../../runtime/duckdb';
import { stageAll, type EngineInput } from '../support/engine';

type Limits = Parameters<typeof profileRows>[3];

function profileOf(input: EngineInput, limits?: Limits): Promise<ProfileReport> {
  return stageAll(input, async ({ plan, context }) => {
    const { schema, parts } = await findStagedParts(plan, context);
    return withDuckdb(sessionOptions(plan.config, context), (db) => profileRows(db, parts, schema, limits));
  });
}

const KINDS = {
  integer: fc.integer().map(String),
  decimal: fc
    .tuple(fc.integer({ min: -999, max: 999 }), fc.nat(99))
    .map(([a, b]) => `${a}.${String(b).padStart(2, '0')}`),
  float: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map(String),
  date: fc
    .date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
  boolean: fc.boolean().map(String),
  string: fc
    .string({ unit: fc.constantFrom(...'abcäß '), minLength: 1, maxLength: 9 })
    .map((text) => `x${text}x`),
} as const;
type Kind = keyof typeof KINDS;

/** 24 columns of 150 values, some of few distinct ones, some null; with the null texts as empty fields. */
const columns = fc.tuple(
  ...[0, 1, 2, 3].flatMap((round) =>
    (Object.keys(KINDS) as Kind[]).map((kind) => {
      const value =
        round % 2 === 0
          ? KINDS[kind]
          : fc.array(KINDS[kind], { minLength: 1, maxLength: 9 }).chain((few) => fc.constantFrom(...few));
      return fc.record({
        kind: fc.constant(kind),
        values: fc.array(fc.option(value, { nil: '', freq: 8 }), { minLength: 150, maxLength: 150 }),
      });
    }),
  ),
);

describe('the profile of the good rows', () => {
  it('has the nulls, distinct values and ends of each column, and bars that add up', () =>
    fc.assert(
      fc.asyncProperty(columns, async (given) => {
        const names = given.map((_, index) => `c${index}`);
        const rows = given[0]!.values.map((_, row) => given.map(({ values }) => values[row]).join(','));
        const csv = [names.join(','), ...rows].join('\n');
        const schema = Object.fromEntries(
          given.map(({ kind }, index) => [
            names[index]!,
            { type: kind === 'decimal' ? 'decimal(9,2)' : kind },
          ]),
        );
        const profile = await profileOf({ csv, schema });
        expect(profile).toMatchObject({ rows: 150, rows_total: 150, distinct_exact: true });
        given.forEach(({ kind, values }, index) => {
          const found = profile.columns[index]!;
          const there = values.filter((value) => value !== '');
          const numbers = kind === 'integer' || kind === 'decimal' || kind === 'float';
          const distinct = new Set<string | number>(numbers ? there.map((text) => Number(text) + 0) : there);
          expect([found.name, found.nulls, found.distinct]).toEqual([
            names[index],
            150 - there.length,
            distinct.size,
          ]);
          const sum = found.histogram.bars.reduce((all, { rows: some }) => all + some, 0);
          // Of many texts only the most frequent ones have a bar.
          const isCut = found.histogram.of === 'values' && distinct.size > found.histogram.bars.length;
          if (isCut) expect(sum).toBeLessThan(there.length);
          else expect(sum).toBe(there.length);
          if (numbers && there.length > 0) {
            const ends = there.map(Number);
            expect([Number(found.min), Number(found.max)]).toEqual([Math.min(...ends), Math.max(...ends)]);
          } else {
            const sorted = there.map((text) => Buffer.from(text)).sort(Buffer.compare);
            expect([found.min, found.max]).toEqual([
              sorted[0]?.toString() ?? null,
              sorted.at(-1)?.toString() ?? null,
            ]);
          }
        });
      }),
      { numRuns: 4 },
    ));

  it('leaves out rejected rows', async () => {
    const csv = 'a,b\n1,x\n2,y\nbad,z\n,y\n';
    const { columns: found, rows } = await profileOf({ csv, schema: { a: { type: 'integer' } } });
    expect(rows).toBe(3);
    expect(found.map(({ nulls, distinct, min, max }) => [nulls, distinct, min, max])).toEqual([
      [1, 2, '1', '2'],
      [0, 2, 'x', 'y'],
    ]);
    expect(found[1]?.histogram).toEqual({
      of: 'values',
      bars: [
        { label: 'y', rows: 2 },
        { label: 'x', rows: 1 },
      ],
    });
  });

  it('of many rows is that of the first ones of each part', async () => {
    const csv = ['n', ...Array.from({ length: 4000 }, (_, index) => 1000 + index)].join('\n');
    const limits = { ...LIMITS, profileRowsMax: 200 };
    const { rows, rows_total, columns: found } = await profileOf({ csv, cutBytes: 2000 }, limits);
    expect(rows_total).toBe(4000);
    expect(rows).toBeGreaterThan(150);
    expect(rows).toBeLessThanOrEqual(200);
    expect(found[0]?.min).toBe('1000');
    expect(Number(found[0]?.max)).toBeGreaterThan(4500);
  });

  it('estimates distinct values to 1 %, and never more than there are', async () => {
    const csv = ['id,few', ...Array.from({ length: 30_000 }, (_, index) => `${index},${index % 1000}`)].join(
      '\n',
    );
    const { columns: found, distinct_exact } = await profileOf({ csv }, { ...LIMITS, exactValuesMax: 0 });
    expect(distinct_exact).toBe(false);
    expect(Math.abs(found[0]!.distinct - 30_000)).toBeLessThanOrEqual(300);
    expect(Math.abs(found[1]!.distinct - 1000)).toBeLessThanOrEqual(10);
    expect(distinctOf(262_144, 1_000_000)).toBe(1_000_000);
    expect(distinctOf(0, 0)).toBe(0);
  });
});
