import * as fc from 'fast-check';
import { compileAggregate, compileExpression } from '../../pipeline/expression';
import { INTEGER, decimal, type Schema } from '../../pipeline/types';
import type { Duckdb } from '../../runtime/duckdb';
import { inDuckdb, relationOf, textRows } from '../support/rows';

/** A decimal as its digits and their scale. */
interface Exact {
  digits: bigint;
  scale: number;
}

/** DuckDB leaves out the zero before the point of a DECIMAL(n,n). */
async function numberRows(db: Duckdb, sql: string): Promise<(string | null)[][]> {
  const rows = await textRows(db, sql);
  return rows.map((row) => row.map((value) => value?.replace(/^(-?)\./, '$10.') ?? null));
}

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const LIMIT = 10n ** 38n;

function show({ digits, scale }: Exact): string {
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const point = scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
  return digits < 0n ? `-${point}` : point;
}

function rescale({ digits, scale }: Exact, to: number): bigint {
  return digits * 10n ** BigInt(to - scale);
}

/** Half away from zero. */
function divideRounded(a: bigint, b: bigint): bigint {
  const [n, d] = [a < 0n ? -a : a, b < 0n ? -b : b];
  const half = (2n * n + d) / (2n * d);
  return a < 0n === b < 0n ? half : -half;
}

/** What the operators promise, in integers without bounds. */
function compute(operator: string, a: Exact, b: Exact): Exact | 'zero' {
  const scale = Math.max(a.scale, b.scale);
  switch (operator) {
    case '+':
      return { digits: rescale(a, scale) + rescale(b, scale), scale };
    case '-':
      return { digits: rescale(a, scale) - rescale(b, scale), scale };
    case '*':
      return { digits: a.digits * b.digits, scale: a.scale + b.scale };
    case '%':
      return b.digits === 0n ? 'zero' : { digits: rescale(a, scale) % rescale(b, scale), scale };
    default: {
      if (b.digits === 0n) return 'zero';
      const to = Math.max(6, a.scale);
      const shift = 10n ** BigInt(to + b.scale - a.scale);
      return { digits: divideRounded(a.digits * shift, b.digits), scale: to };
    }
  }
}

const digitsOf = (precision: number): fc.Arbitrary<bigint> => {
  const most = 10n ** BigInt(precision) - 1n;
  return fc.oneof(
    fc.bigInt({ min: -most, max: most }),
    fc.bigInt({ min: -9n, max: 9n }),
    fc.constantFrom(most, -most, most - 1n),
  );
};
const column = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) =>
    fc.tuple(fc.constant(precision), fc.integer({ min: 0, max: Math.min(precision, 18) })),
  );
const integerValue = fc.oneof(
  fc.bigInt(INT64),
  fc.bigInt({ min: -100n, max: 100n }),
  fc.constantFrom(INT64.min, INT64.max),
);
const operand = fc.oneof(
  integerValue.map((digits) => ({ type: INTEGER, value: { digits, scale: 0 } })),
  column.chain(([precision, scale]) =>
    digitsOf(precision).map((digits) => ({ type: decimal(precision, scale), value: { digits, scale } })),
  ),
);

describe('arithmetic', () => {
  it('gives exactly the result of integers without bounds, or fails: never a rounded number', async () => {
    await inDuckdb(async (db) => {
      let results = 0;
      await fc.assert(
        fc.asyncProperty(
          operand,
          operand,
          fc.constantFrom('+', '-', '*', '/', '%'),
          async (a, b, operator) => {
            const schema: Schema = [
              { name: 'a', type: a.type },
              { name: 'b', type: b.type },
            ];
            const { sql } = compileExpression(`a ${operator} b`, schema);
            const relation = relationOf(schema, [[show(a.value), show(b.value)]]);
            const expected = compute(operator, a.value, b.value);
            const query = numberRows(db, `SELECT ${sql} AS x FROM (${relation})`);
            if (expected === 'zero') {
              // Dividends near 38 digits may fail before their divisor is looked at.
              await expect(query).rejects.toMatchObject({
                code: expect.stringMatching(/^(DIVISION_BY_ZERO|VALUE_OVERFLOW)$/),
              });
              return;
            }
            const found = await query.catch((error: { code?: string }) => error.code);
            if (found === 'VALUE_OVERFLOW') return;
            results += 1;
            expect(found).toEqual([[show(expected)]]);
          },
        ),
        { numRuns: 600 },
      );
      expect(results).toBeGreaterThan(200);
    });
  });

  it('fails only where the result does not fit: integers, and decimals of a few digits', async () => {
    const small = fc.oneof(
      integerValue.map((digits) => ({ type: INTEGER, value: { digits, scale: 0 } })),
      digitsOf(9).map((digits) => ({ type: decimal(18, 2), value: { digits, scale: 2 } })),
    );
    await inDuckdb(async (db) => {
      await fc.assert(
        fc.asyncProperty(small, small, fc.constantFrom('+', '-', '*', '/'), async (a, b, operator) => {
          const schema: Schema = [
            { name: 'a', type: a.type },
            { name: 'b', type: b.type },
          ];
          const expected = compute(operator, a.value, b.value);
          if (expected === 'zero') return;
          const { sql, type } = compileExpression(`a ${operator} b`, schema);
          const relation = relationOf(schema, [[show(a.value), show(b.value)]]);
          const found = await numberRows(db, `SELECT ${sql} AS x FROM (${relation})`).catch(
            (error: { code?: string }) => error.code,
          );
          const { digits } = expected;
          const fits =
            type.kind === 'integer'
              ? digits >= INT64.min && digits <= INT64.max
              : digits < LIMIT && digits > -LIMIT;
          expect(found).toEqual(fits ? [[show(expected)]] : 'VALUE_OVERFLOW');
        }),
        { numRuns: 300 },
      );
    });
  });

  it('rounds decimals half away from zero', async () => {
    await inDuckdb(async (db) => {
      await fc.assert(
        fc.asyncProperty(
          column,
          fc.integer({ min: 0, max: 18 }),
          fc.nat(),
          async ([precision, scale], to, pick) => {
            const value = { digits: (BigInt(pick) * 7919n ** 8n) % 10n ** BigInt(precision), scale };
            if (pick % 2 === 1) value.digits = -value.digits;
            const schema: Schema = [{ name: 'a', type: decimal(precision, scale) }];
            const { sql } = compileExpression(`round(a, ${to})`, schema);
            const expected =
              to >= scale
                ? value
                : { digits: divideRounded(value.digits, 10n ** BigInt(scale - to)), scale: to };
            const relation = relationOf(schema, [[show(value)]]);
            const [found] = await numberRows(db, `SELECT ${sql} AS x FROM (${relation})`);
            expect(found?.[0]).toBe(show(expected));
          },
        ),
        { numRuns: 200 },
      );
    });
  });
});

describe('aggregates', () => {
  it('sum and average exactly, the fast way and the wide way', async () => {
    const schema: Schema = [
      { name: 'quantity', type: INTEGER },
      { name: 'price', type: decimal(18, 2) },
    ];
    const pair = fc.tuple(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), digitsOf(5));
    await inDuckdb(async (db) => {
      await fc.assert(
        fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 50 }), async (rows) => {
          const relation = relationOf(
            schema,
            rows.map(([quantity, price]) => [String(quantity), show({ digits: price, scale: 2 })]),
          );
          const sum = rows.reduce((total, [quantity, price]) => total + quantity * price, 0n);
          const prices = rows.reduce((total, [, price]) => total + price, 0n);
          const mean = divideRounded(prices * 10n ** 4n, BigInt(rows.length));
          for (const fast of [false, true]) {
            const texts = ['sum(quantity * price)', 'avg(price)', 'sum(quantity)'];
            const terms = texts.map(
              (text, i) => `${compileAggregate(text, schema, new Set(), { fast }).sql} AS x${i}`,
            );
            expect(await numberRows(db, `SELECT ${terms.join(', ')} FROM (${relation})`)).toEqual([
              [
                show({ digits: sum, scale: 2 }),
                show({ digits: mean, scale: 6 }),
                String(rows.reduce((total, [quantity]) => total + quantity, 0n)),
              ],
            ]);
          }
        }),
        { numRuns: 60 },
      );
    });
  });

  it.each([
    ['fast', true],
    ['wide', false],
  ])('sum floats the same in every order, small ones beside large ones, the %s way', async (_, fast) => {
    const schema: Schema = [{ name: 'f', type: { kind: 'float' } }];
    const { sql } = compileAggregate('sum(f)', schema, new Set(), { fast });
    await inDuckdb(async (db) => {
      const sumOf = async (values: readonly number[]): Promise<string | null | undefined> => {
        const relation = relationOf(
          schema,
          values.map((value) => [String(value)]),
        );
        return (await numberRows(db, `SELECT ${sql} AS x FROM (${relation})`))[0]?.[0];
      };
      expect(await sumOf([])).toBeNull();
      expect(await sumOf([1e16, 1, -1e16])).toBe('1.0');
      expect(await sumOf(Array.from({ length: 10 }, () => 0.1))).toBe('1.0');
      expect(await sumOf([-1, 0.25, 0.75 - 2 ** -53])).toBe(String(-(2 ** -53)));
      expect(Number(await sumOf([1e-30, 2e-30]))).toBe(1e-30 + 2e-30);
      // The fast way refuses floats below 2^-107, which are then added the wide way.
      const isFine = (value: number): boolean => !fast || value === 0 || Math.abs(value) >= 2 ** -107;
      const value = fc.oneof(
        fc.double({ noNaN: true, min: -1e20, max: 1e20 }).filter(isFine),
        fc.integer({ min: -1000, max: 1000 }).map((cents) => cents / 100),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(value, { minLength: 1 }), async (values) => {
          expect(await sumOf([...values].reverse())).toBe(await sumOf(values));
        }),
        { numRuns: 40 },
      );
    });
  });

  it('leave floats too large for the fast way to the wide way', async () => {
    const schema: Schema = [{ name: 'f', type: { kind: 'float' } }];
    const [fast, wide] = [true, false].map(
      (fast) => compileAggregate('sum(f)', schema, new Set(), { fast }).sql,
    );
    for (const large of ['1e28', '1e300', '-1.5e308']) {
      const relation = relationOf(schema, [['0.5'], [large]]);
      await inDuckdb(async (db) => {
        const query = numberRows(db, `SELECT ${fast} AS x FROM (${relation})`);
        await expect(query).rejects.toMatchObject({ code: 'VALUE_OVERFLOW' });
        const [found] = await numberRows(db, `SELECT ${wide} AS x FROM (${relation})`);
        expect(Number(found?.[0])).toBe(Number(large));
      });
    }
  });
});
