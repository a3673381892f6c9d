import { compileExpression } from '../../pipeline/expression';
import {
  BOOLEAN,
  DATE,
  decimal,
  FLOAT,
  formatType,
  INTEGER,
  STRING,
  TIMESTAMP,
  UNKNOWN,
} from '../../pipeline/types';
import type { Schema } from '../../pipeline/types';
import { inDuckdb, relationOf, textRows, transformRows } from '../support/rows';

const SCHEMA: Schema = [
  { name: 'at', type: TIMESTAMP },
  { name: 'day', type: DATE },
  { name: 'long', type: decimal(38, 29) },
  { name: 'wide', type: decimal(38, 2) },
  { name: 'n', type: INTEGER },
  { name: 'f', type: FLOAT },
  { name: 's', type: STRING },
  { name: 'b', type: BOOLEAN },
  { name: 'v', type: UNKNOWN },
];
const ROW = [
  '2026-01-01 05:00:00',
  '2026-01-01',
  '999999999.99999999999999999999999999999',
  '-999999999999999999999999999999999999.99',
  '9223372036854775807',
  '1.5',
  'x',
  'true',
  null,
];

/** The value of an expression in ROW, as text, and its type. */
async function valueOf(text: string, row: (string | null)[] = ROW): Promise<[string | null, string]> {
  const { sql, type } = compileExpression(text, SCHEMA);
  const [[value = null] = []] = await inDuckdb((db) =>
    textRows(db, `SELECT ${sql} FROM (${relationOf(SCHEMA, [row])})`),
  );
  return [value, formatType(type)];
}

describe('a text beside a timestamp', () => {
  it.each([
    ["at = '2026-01-01T10:30:00+05:30'", 'true'],
    ["at = '2026-01-01T10:30+0530'", 'true'],
    ["at < '2026-01-01T05:00:00.000001Z'", 'true'],
    ["at in ('2026-01-01 00:00', '2026-01-01T04:00-01:00')", 'true'],
    ["least(at, '2026-01-01T10:00+05:30')", '2026-01-01 04:30:00'],
    ["coalesce(nullif(at, '2026-01-01T05:00Z'), '2026-01-01T00:00-02:00')", '2026-01-01 02:00:00'],
    ["if(b, '2026-01-01T23:00-01:00', at)", '2026-01-02 00:00:00'],
    ["greatest(day, at, '2026-01-01T06:00Z')", '2026-01-01 06:00:00'],
  ])('is read as in data: %s', async (text, value) => {
    expect((await valueOf(text))[0]).toBe(value);
  });
});

describe('numbers that no decimal has room for together', () => {
  it.each([
    ['long < 100000000000', 'true'],
    ['long > -100000000000', 'true'],
    ['long = 100000000000', 'false'],
    ['long != 100000000000', 'true'],
    ['long < n', 'true'],
    ['n <= long', 'false'],
    ['wide < long', 'true'],
    ['wide = long', 'false'],
    ['long in (1, 100000000000)', 'false'],
    ['not (long in (wide, n))', 'true'],
    ['long < 1000000000', 'true'],
  ])('are compared: %s', async (text, value) => {
    expect(await valueOf(text)).toEqual([value, 'boolean']);
  });

  it('give null where one is null', async () => {
    const row = ROW.map((value, index) => (index === 2 ? null : value));
    expect(await valueOf('long < 100000000000', row)).toEqual([null, 'boolean']);
  });
});

describe('a column of only nulls', () => {
  it.each([
    ['v', 'unknown'],
    ['v * 2 - n', 'unknown'],
    ['-v / 0', 'unknown'],
    ['round(abs(v), 2)', 'unknown'],
    ['floor(v) % ceil(v)', 'unknown'],
    ['v > 5', 'boolean'],
    ["v = 'a'", 'boolean'],
    ['v in (1, 2)', 'boolean'],
    ['not v', 'boolean'],
    ['year(v) + month(v) + day(v)', 'integer'],
    ['date(v)', 'date'],
    ['length(trim(upper(v)))', 'integer'],
    ["matches(v, 'a+')", 'boolean'],
    ['substr(v, 1, 2)', 'string'],
    ['nullif(v, 3)', 'integer'],
  ])('is null in every use: %s', async (text, type) => {
    expect(await valueOf(text)).toEqual([null, type]);
  });

  it.each([
    ['coalesce(v, n)', '9223372036854775807', 'integer'],
    ["concat('a', v)", 'a', 'string'],
    ['is_null(v)', 'true', 'boolean'],
    ['if(v, 1, 2)', '2', 'integer'],
    ['least(v, f)', '1.5', 'float'],
  ])('takes the type of the other values: %s', async (text, value, type) => {
    expect(await valueOf(text)).toEqual([value, type]);
  });

  it('is aggregated, cast, sorted and compared by steps', async () => {
    const schema: Schema = [
      { name: 'k', type: STRING },
      { name: 'v', type: UNKNOWN },
    ];
    const rows = [
      ['a', null],
      ['b', null],
    ];
    const aggregations = {
      sum: 'sum(v)',
      mean: 'avg(v * 2)',
      low: 'min(v)',
      one: 'first(v)',
      number: 'count(v)',
      different: 'count_distinct(v)',
      more: 'sum(v) + count(*)',
    };
    const summed = await transformRows([{ type: 'aggregate', aggregations }], schema, rows);
    expect(summed.rows).toEqual([[null, null, null, null, '0', '0', null]]);
    expect(summed.schema.map(({ type }) => formatType(type))).toEqual([
      ...['unknown', 'unknown', 'unknown', 'unknown'],
      ...['integer', 'integer', 'unknown'],
    ]);
    const steps = [
      { type: 'sort', by: ['v', 'k'] },
      { type: 'filter', column: 'v', operator: 'is_null' },
      { type: 'cast', columns: { v: 'date' } },
    ];
    expect((await transformRows(steps, schema, rows)).rows).toEqual(rows);
    for (const value of [5, 'x', true])
      expect(
        (await transformRows([{ type: 'filter', column: 'v', operator: '=', value }], schema, rows)).rows,
      ).toEqual([]);
  });
});
