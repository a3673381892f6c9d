import type { RecordBatch } from 'apache-arrow';
import fc from 'fast-check';
import { literal } from '../../pipeline/sql';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import { arrowBatches } from '../../runtime/arrow';
import { withDuckdb } from '../../runtime/duckdb';
import { makeFolder } from '../support/folder';

const dir = makeFolder();

async function readBatches(sql: string, schema: Schema): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  await withDuckdb({ dir, memoryMb: 300 }, async (db) => {
    for await (const batch of arrowBatches(db, sql, schema)) batches.push(batch);
  });
  return batches;
}

/** All values of a column over all batches. */
function valuesOf(batches: RecordBatch[], column: number): unknown[] {
  return batches.flatMap((batch) => [...(batch.getChildAt(column) ?? [])]);
}

describe('Arrow batches of a query', () => {
  it('hold every type with nulls as the Arrow type of the schema', async () => {
    const schema: Schema = [
      { name: 's', type: STRING },
      { name: 'i', type: INTEGER },
      { name: 'f', type: FLOAT },
      { name: 'b', type: BOOLEAN },
      { name: 'd', type: DATE },
      { name: 't', type: TIMESTAMP },
      { name: 'n', type: decimal(38, 2) },
    ];
    const [batch] = await readBatches(
      `SELECT * FROM (VALUES
        ('a', 9223372036854775807, 0.1::DOUBLE, true, DATE '2026-02-03', TIMESTAMP '2026-02-03 04:05:06.000007', 1234567890123456789012345678901234.56::DECIMAL(38,2)),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL))`,
      schema,
    );
    expect(String(batch?.schema.fields.map((field) => field.type))).toBe(
      'Utf8,Int64,Float64,Bool,Date32<DAY>,Timestamp<MICROSECOND>,Decimal[38e+2]',
    );
    expect(batch?.numRows).toBe(2);
    expect(batch?.data.children.map((child) => child.nullCount)).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(batch?.getChildAt(0)?.get(0)).toBe('a');
    expect(batch?.getChildAt(1)?.get(0)).toBe(9223372036854775807n);
    expect(batch?.getChildAt(2)?.get(0)).toBe(0.1);
    expect(batch?.getChildAt(3)?.get(0)).toBe(true);
    expect(batch?.getChildAt(4)?.get(0)).toBe(Date.UTC(2026, 1, 3));
    expect(batch?.data.children[5]?.values[0]).toBe(1770091506000007n);
    expect(String(batch?.getChildAt(6)?.get(0))).toBe('123456789012345678901234567890123456');
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
      const batches = await readBatches(sql, [{ name: 'n', type: decimal(precision, scale) }]);
      const words = batches[0]?.data.children[0]?.values as Uint32Array;
      const found = texts.map((_, row) => {
        const [a = 0, b = 0, c = 0, d = 0] = words.subarray(4 * row, 4 * row + 4);
        return BigInt.asIntN(128, (BigInt(d) << 96n) | (BigInt(c) << 64n) | (BigInt(b) << 32n) | BigInt(a));
      });
      expect(found).toEqual(texts.map((text) => BigInt(text === '0' ? 0 : text.replace('.', ''))));
    }
  });

  it('merge chunks of every size into bounded batches in order', async () => {
    const batches = await readBatches(
      `SELECT range AS i, CASE WHEN range % 3 = 0 THEN NULL ELSE range END AS n, range % 5 = 0 AS b,
        'row ' || range AS s FROM range(80000) WHERE range % 7 <> 1`,
      [
        { name: 'i', type: INTEGER },
        { name: 'n', type: INTEGER },
        { name: 'b', type: BOOLEAN },
        { name: 's', type: STRING },
      ],
    );
    const expected = Array.from({ length: 80_000 }, (_, i) => BigInt(i)).filter((i) => i % 7n !== 1n);
    expect(batches.length).toBeGreaterThan(1);
    expect(Math.max(...batches.map((batch) => batch.numRows))).toBeLessThan(40_000);
    expect(valuesOf(batches, 0).join()).toBe(expected.join());
    expect(valuesOf(batches, 1).join()).toBe(expected.map((i) => (i % 3n === 0n ? null : i)).join());
    expect(valuesOf(batches, 2).join()).toBe(expected.map((i) => i % 5n === 0n).join());
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
        const batches = await readBatches(sql, [{ name: 's', type: STRING }]);
        expect(valuesOf(batches, 0).sort()).toEqual([...wanted, ...wanted].sort());
      }),
      { numRuns: 25 },
    );
  });

  it('end early where texts are long, so that memory is bounded', async () => {
    const sql = `SELECT repeat('x', 20000) || chr(0) || range AS s FROM range(5000)`;
    const batches = await readBatches(sql, [{ name: 's', type: STRING }]);
    expect(batches.length).toBeGreaterThan(1);
    expect(valuesOf(batches, 0)[4999]).toBe(`${'x'.repeat(20_000)}\u00004999`);
  });

  it('refuse a column that is not what the schema says', async () => {
    await expect(readBatches('SELECT 1::INTEGER AS i', [{ name: 'i', type: INTEGER }])).rejects.toMatchObject(
      {
        code: 'INTERNAL',
        message: 'Column "i" of a query is of DuckDB\'s type INTEGER, expected one for integer.',
      },
    );
    await expect(
      readBatches('SELECT 1::DECIMAL(9,2) AS n', [{ name: 'n', type: decimal(9, 3) }]),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('of no rows are none', async () => {
    expect(await readBatches('SELECT 1::BIGINT AS i WHERE false', [{ name: 'i', type: INTEGER }])).toEqual(
      [],
    );
  });
});
