import fc from 'fast-check';
import { sumFloats } from '../../pipeline/expression/float-sum';
import { ident } from '../../pipeline/sql';
import { inDuckdb } from '../support/rows';

/** The sum of doubles as a double, rounded once: in whole numbers of units of 2^-1074. */
function exactSum(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + unitsOf(value), 0n);
  const size = sum < 0n ? -sum : sum;
  const shift = Math.max(0, size.toString(2).length - 64);
  // The last bit says whether any is cut off, so that Number rounds as if none were.
  const cut = size >> BigInt(shift);
  const top = Number(cut << BigInt(shift) === size ? cut : cut | 1n);
  const exponent = shift - 1074;
  const double = top * 2 ** Math.trunc(exponent / 2) * 2 ** (exponent - Math.trunc(exponent / 2));
  return sum < 0n ? -double : double;
}

function unitsOf(value: number): bigint {
  const bits = new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n;
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const units = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return bits >> 63n ? -units : units;
}

/** Sums of many groups, each over its rows, or over the states of rows dealt to three parts. */
async function sums(
  groups: readonly (readonly number[])[],
  fast: boolean,
  inParts: boolean,
): Promise<unknown[]> {
  const { sql, states, merge } = sumFloats('x', fast);
  const rows = groups.flatMap((values, group) =>
    values.map((x, row) => `(${group}, ${row % 3}, CAST('${x}' AS DOUBLE))`),
  );
  const input = `(VALUES ${rows.join(', ')}) AS t(k, part, x)`;
  const parts = states.map(
    ({ name, ofRows, storedAs }) => `CAST(${ofRows} AS ${storedAs}) AS ${ident(name)}`,
  );
  const query = inParts
    ? `SELECT k, ${merge(states.map(({ name }) => ident(name)))} AS s
       FROM (SELECT k, ${parts.join(', ')} FROM ${input} GROUP BY k, part) GROUP BY k ORDER BY k`
    : `SELECT k, ${sql} AS s FROM ${input} GROUP BY k ORDER BY k`;
  return (await inDuckdb((db) => db.all(query))).map((row) => row['s']);
}

const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
const nearly = (value: number): number[] => [value, -value, value * (1 + 2 ** -52), value / 3];
/** Values of any size, with others that cancel them, fall on a half, or are far smaller. */
const anyValues = fc
  .array(
    fc.oneof(
      anyDouble,
      fc.integer({ min: -1074, max: 1000 }).map((exponent) => 2 ** exponent),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .chain((values) => fc.shuffledSubarray(values.flatMap(nearly).filter(Number.isFinite), { minLength: 1 }))
  .filter((values) => Number.isFinite(exactSum(values)));
const usualValues = fc.array(
  fc.oneof(
    fc.double({ min: -1e9, max: 1e9, noNaN: true }).filter((value) => value === 0 || Math.abs(value) > 1e-30),
    fc.constantFrom(0.1, -0.1, 0.3, 2 ** 60, -(2 ** 60), 2 ** -100, 1e20, -1e20),
  ),
  { minLength: 1, maxLength: 8 },
);

describe('the sum of floats', () => {
  it('is exact and rounded once for doubles of every size, over rows and over parts', async () => {
    const tables = fc.array(anyValues, { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(tables, fc.boolean(), async (groups, inParts) => {
        expect(await sums(groups, false, inParts)).toEqual(groups.map(exactSum).map((sum) => sum + 0));
      }),
      { numRuns: 6 },
    );
  });

  it('is the same the fast way', async () => {
    const tables = fc.array(usualValues, { minLength: 60, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(tables, fc.boolean(), async (groups, inParts) => {
        expect(await sums(groups, true, inParts)).toEqual(groups.map(exactSum).map((sum) => sum + 0));
      }),
      { numRuns: 10 },
    );
  });

  it.each([2 ** 90, -(2 ** 200), 1e300, 2 ** -108, -5e-324])('of %d fails the fast way', async (value) => {
    await expect(sums([[1, value]], true, false)).rejects.toMatchObject({ code: 'VALUE_OVERFLOW' });
  });

  it('beyond the range of doubles is infinite, also where single bins overflow', async () => {
    const huge = Array.from({ length: 9 }, () => Number.MAX_VALUE);
    expect(
      await sums([huge, huge.map((value) => -value), [...huge, ...huge.map((x) => -x)]], false, false),
    ).toEqual([Infinity, -Infinity, 0]);
  });

  it('merges parts that were summed the fast way with others', async () => {
    const [fast, exact] = [sumFloats('x', true), sumFloats('x', false)];
    const selectOf = (states: typeof fast.states, value: number): string =>
      `SELECT ${states.map(({ name, ofRows }) => `${ofRows} AS ${ident(name)}`).join(', ')}
       FROM (SELECT CAST('${value}' AS DOUBLE) AS x)`;
    const merged = exact.merge(exact.states.map(({ name }) => ident(name)));
    for (const values of [
      [0.1, 1e-300],
      [0, 0],
    ] as const) {
      const parts = `${selectOf(exact.states, values[1])} UNION ALL BY NAME ${selectOf(fast.states, values[0])}`;
      expect(await inDuckdb((db) => db.one(`SELECT ${merged} AS s FROM (${parts})`))).toEqual({
        s: values[0],
      });
      const only = `${selectOf(fast.states, values[0])} UNION ALL BY NAME SELECT * FROM (${selectOf(exact.states, 1)}) WHERE false`;
      expect(await inDuckdb((db) => db.one(`SELECT ${merged} AS s FROM (${only})`))).toEqual({
        s: values[0],
      });
    }
  });
});
