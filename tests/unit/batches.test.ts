import fc from 'fast-check';
import { literal } from '../../pipeline/sql';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import type { Batch, Value } from '../../plugin/target';
import { readBatches } from '../../runtime/batches/part';
import { withDuckdb } from '../../runtime/duckdb';
import { makeFolder } from '../support/folder';
import { queryPart, slicePart } from '../support/parts';

const dir = makeFolder();

async function batchesOf(sql: string, schema: Schema): Promise<Batch[]> {
  const batches: Batch[] = [];
  await withDuckdb({ dir, memoryMb: 300 }, async (db) => {
    for await (const batch of readBatches(db, sql, schema)) batches.push(batch);
  });
  return batches;
}

/** All values of a column over all batches. */
function valuesOf(batches: Batch[], column: number): Value[] {
  return batches.flatMap(({ columns }) => columns[column] ?? []);
}

describe('batches of a query', () => {
  it('hold usable values of every type, and nulls', async () => {
    const schema: Schema = [
      { name: 's', type: STRING },
      { name: 'i', type: INTEGER },
      { name: 'f', type: FLOAT },
      { name: 'b', type: BOOLEAN },
      { name: 'd', type: DATE },
      { name: 't', type: TIMESTAMP },
      { name: 'n', type: decimal(38, 2) },
    ];
    const [batch] = await batchesOf(
      `SELECT * FROM (VALUES
        ('a', 9223372036854775807, 0.1::DOUBLE, true, DATE '2026-02-03', TIMESTAMP '2026-02-03 04:05:06.000007', 123456789012345678901234567890123456.78::DECIMAL(38,2)),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL))`,
      schema,
    );
    expect(batch?.rows).toBe(2);
    expect(batch?.columns.map(([value]) => value)).toEqual([
      'a',
      9223372036854775807n,
      0.1,
      true,
      '2026-02-03',
      '2026-02-03 04:05:06.000007',
      '123456789012345678901234567890123456.78',
    ]);
    expect(batch?.columns.map(([, value]) => value)).toEqual(schema.map(() => null));
  });

  it('keep every decimal of every width, negative ones too', async () => {
    for (const [precision, scale] of [
      [4, 2],
      [9, 3],
      [18, 4],
      [38, 5],
    ] as const) {
      const nines = `${'9'.repeat(precision - scale)}.${'9'.repeat(scale)}`;
      const texts = [nines, `-${nines}`, '0', `-0.${'0'.repeat(scale - 1)}1`];
      const sql = `SELECT unnest([${texts.join(', ')}]::DECIMAL(${precision},${scale})[])`;
      const batches = await batchesOf(sql, [{ name: 'n', type: decimal(precision, scale) }]);
      const [nought, small] = [scale, scale - 1].map((zeros) => '0'.repeat(zeros));
      expect(valuesOf(batches, 0)).toEqual([nines, `-${nines}`, `0.${nought}`, `-0.${small}1`]);
    }
  });

  it('spell days and times of all years as the contract says', async () => {
    const days = ['0001-01-01', '1969-12-31', '9999-12-31', '12026-01-01', '0044-03-15 (BC)'];
    const schema: Schema = [
      { name: 'd', type: DATE },
      { name: 't', type: TIMESTAMP },
    ];
    const sql = `SELECT unnest([${days.map(literal).join(', ')}])::DATE AS d, d::TIMESTAMP - INTERVAL 1 microsecond AS t`;
    const batches = await batchesOf(sql, schema);
    expect(valuesOf(batches, 0)).toEqual(days);
    expect(valuesOf(batches, 1).slice(1)).toEqual([
      '1969-12-30 23:59:59.999999',
      '9999-12-30 23:59:59.999999',
      '12025-12-31 23:59:59.999999',
      '0044-03-14 (BC) 23:59:59.999999',
    ]);
  });

  it('are numbers where those are exact, and bigints beyond', async () => {
    const values = [
      '0',
      '-1',
      '9007199254740991',
      '-9007199254740992',
      '9007199254740993',
      '-9223372036854775808',
    ];
    const [batch] = await batchesOf(`SELECT unnest([${values.join(', ')}]::BIGINT[])`, [
      { name: 'i', type: INTEGER },
    ]);
    expect(batch?.columns[0]).toEqual([
      0,
      -1,
      9007199254740991,
      -9007199254740992,
      9007199254740993n,
      -(2n ** 63n),
    ]);
  });

  it('hold all rows in order, cut into bounded batches', async () => {
    const batches = await batchesOf(
      `SELECT range AS i, CASE WHEN range % 3 = 0 THEN NULL ELSE range END AS n, range % 5 = 0 AS b,
        'row ' || range AS s FROM range(80000) WHERE range % 7 <> 1`,
      [
        { name: 'i', type: INTEGER },
        { name: 'n', type: INTEGER },
        { name: 'b', type: BOOLEAN },
        { name: 's', type: STRING },
      ],
    );
    const expected = Array.from({ length: 80_000 }, (_, i) => i).filter((i) => i % 7 !== 1);
    expect(batches.length).toBeGreaterThan(1);
    expect(Math.max(...batches.map((batch) => batch.rows))).toBeLessThan(4_000);
    expect(valuesOf(batches, 0).join()).toBe(expected.join());
    expect(valuesOf(batches, 1).join()).toBe(expected.map((i) => (i % 3 === 0 ? null : i)).join());
    expect(valuesOf(batches, 2).join()).toBe(expected.map((i) => i % 5 === 0).join());
    expect(valuesOf(batches, 3).join()).toBe(expected.map((i) => `row ${i}`).join());
  });

  it('hold any mix of short, long, empty and null texts', async () => {
    const text = fc.option(
      fc.oneof(fc.string(), fc.string({ unit: 'grapheme', minLength: 10, maxLength: 40 })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 60 }), async (texts) => {
        const wanted = texts.map((value) => value?.replaceAll('\0', '') ?? null);
        const values = wanted.map((value) => (value === null ? '(NULL::VARCHAR)' : `(${literal(value)})`));
        const sql = `SELECT s FROM (VALUES ${values.join(', ')}) AS t(s), range(2)`;
        const batches = await batchesOf(sql, [{ name: 's', type: STRING }]);
        expect(valuesOf(batches, 0).sort()).toEqual([...wanted, ...wanted].sort());
      }),
      { numRuns: 25 },
    );
  });

  it('hold long texts', async () => {
    const sql = `SELECT repeat('x', 20000) || chr(0) || range AS s FROM range(5000)`;
    const batches = await batchesOf(sql, [{ name: 's', type: STRING }]);
    expect(valuesOf(batches, 0)[4999]).toBe(`${'x'.repeat(20_000)}\u00004999`);
  });

  it('refuse a column that is not what the schema says', async () => {
    await expect(batchesOf('SELECT 1::INTEGER AS i', [{ name: 'i', type: INTEGER }])).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'Column "i" of a query is of DuckDB\'s type INTEGER, expected one for integer.',
    });
    await expect(
      batchesOf('SELECT 1::DECIMAL(9,2) AS n', [{ name: 'n', type: decimal(9, 3) }]),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('of no rows are none', async () => {
    expect(await batchesOf('SELECT 1::BIGINT AS i WHERE false', [{ name: 'i', type: INTEGER }])).toEqual([]);
  });

  it('of a part are its rows of the file, whatever its row groups, as often as they are asked for', async () => {
    const schema: Schema = [{ name: 'i', type: INTEGER }];
    const whole = await queryPart(schema, 'SELECT range AS i FROM range(300000)', 300_000);
    const part = slicePart(whole, 100_000, 150_001);
    for (let times = 0; times < 2; times += 1) {
      const found: Value[] = [];
      for await (const { columns } of part.batches()) found.push(...(columns[0] ?? []));
      expect(found).toHaveLength(150_001);
      expect([found[0], found[150_000]]).toEqual([100_000, 250_000]);
    }
  });
});
