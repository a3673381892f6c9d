import { FlexetlError } from '../../../pipeline/errors';
import { transforms } from '../../../pipeline/transforms/index';
import { planTransforms } from '../../../pipeline/transforms/plan';
import {
  BOOLEAN,
  DATE,
  FLOAT,
  INTEGER,
  STRING,
  TIMESTAMP,
  decimal,
  type Schema,
} from '../../../pipeline/types';
import { parseStep, transformRows, type Step, type TextRow } from '../../support/rows';

const schema: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
  { name: 'price', type: decimal(18, 2) },
  { name: 'weight', type: FLOAT },
  { name: 'day', type: DATE },
  { name: 'at', type: TIMESTAMP },
  { name: 'ok', type: BOOLEAN },
];
const rows: TextRow[] = [
  ['1', 'apple', '0.10', '0.1', '2026-01-01', '2026-01-01 00:00:00', 'true'],
  ['2', 'Pear', '0.20', '2.5', '2026-01-02', '2026-01-02 10:00:00', 'false'],
  ['3', `it's "50%_"`, '0.30', '3', '2026-01-03', '2026-01-03 10:00:00', 'true'],
  [null, null, null, null, null, null, null],
];
const idsAfter = async (step: Step): Promise<(string | null | undefined)[]> =>
  (await transformRows([step], schema, rows)).rows.map(([id]) => id);

function failure(...steps: Step[]): FlexetlError {
  try {
    planTransforms(steps.map(parseStep), schema, transforms);
  } catch (error) {
    if (error instanceof FlexetlError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('filter', () => {
  it.each([
    ['id', '=', 2, ['2']],
    ['id', '!=', 2, ['1', '3']],
    ['id', '>', 1.5, ['2', '3']],
    ['id', '<=', '2', ['1', '2']],
    ['id', '<', '99999999999999999999', ['1', '2', '3']],
    ['price', '=', 0.1, ['1']],
    ['price', '>=', '0.20', ['2', '3']],
    ['price', '>', 1e-7, ['1', '2', '3']],
    ['weight', '=', 0.1, ['1']],
    ['weight', 'in', [2.5, '3'], ['2', '3']],
    ['name', '>=', 'a', ['1', '3']],
    ['name', 'not_in', ['apple'], ['2', '3']],
    ['name', 'contains', '50%_', ['3']],
    ['name', 'contains', '%', ['3']],
    ['name', 'starts_with', 'ap', ['1']],
    ['name', 'ends_with', '"', ['3']],
    ['name', 'matches', '^[Pp]ea', ['2']],
    ['name', 'matches', 'pp', ['1']],
    ['name', '=', `it's "50%_"`, ['3']],
    ['name', '=', `' OR 1=1 --`, []],
    ['day', '>', '2026-01-01', ['2', '3']],
    ['at', '<', '2026-01-02 10:00:00', ['1']],
    ['ok', '=', true, ['1', '3']],
    ['id', 'is_null', undefined, [null]],
    ['name', 'is_not_null', undefined, ['1', '2', '3']],
  ])('%s %s %j keeps %j', async (column, operator, value, ids) => {
    expect(
      await idsAfter({ type: 'filter', column, operator, ...(value !== undefined && { value }) }),
    ).toEqual(ids);
  });

  it.each([
    ['id', '>', 'abc'],
    ['id', '=', true],
    ['id', '=', 1e17],
    ['name', '=', 5],
    ['price', 'contains', '1'],
    ['day', '=', '2026-02-30'],
    ['ok', '=', 'true'],
    ['ok', '>', true],
    ['nmae', '=', 'x'],
  ])('refuses %s %s %j before any row is read', (column, operator, value) => {
    expect(failure({ type: 'filter', column, operator, value }).code).toBe('SCHEMA_MISMATCH');
  });

  it.each([
    ['id', '>', 'abc', '(integer) is compared with a value that is not a number.'],
    ['id', '=', 1e17, '(integer) is compared with an integer of more digits than YAML keeps.'],
    ['name', '=', 5, '(string) is compared with a number.'],
    ['price', 'contains', 'x', '(decimal(18,2)) is compared with a value that is not a number.'],
    ['price', 'contains', '1', '(decimal(18,2)): expected string, found decimal(18,2).'],
    ['day', '=', '2026-02-30', '(date): the text used as a date is not a date (YYYY-MM-DD).'],
    ['ok', '=', 'true', '(boolean) is compared with a string.'],
    ['ok', '>', true, '(boolean): `>` does not compare conditions.'],
  ])('names column and type where it refuses %s %s %j', (column, operator, value, says) => {
    const { message } = failure({ type: 'filter', column, operator, value });
    expect(message).toBe(`transformations.0: filter: the column "${column}" ${says}`);
  });

  it('compares with any number of values', async () => {
    const value = Array.from({ length: 10_000 }, (_, index) => index + 2);
    expect(await idsAfter({ type: 'filter', column: 'id', operator: 'in', value })).toEqual(['2', '3']);
  });

  it('takes one value, a list or none, as its operator says', () => {
    for (const wrong of [
      { operator: 'in', value: 1 },
      { operator: '=' },
      { operator: 'is_null', value: 1 },
    ]) {
      expect(() => parseStep({ type: 'filter', column: 'id', ...wrong })).toThrow(/takes/);
    }
  });
});

describe('cast', () => {
  const castOne = async (name: string, to: string, value: string): Promise<string | null | undefined> => {
    const row = schema.map((column) => (column.name === name ? value : null));
    const step = { type: 'cast', columns: { [name]: to } };
    const found = await transformRows([{ type: 'select', columns: [name] }, step], schema, [row]);
    return found.rows[0]?.[0];
  };

  it.each([
    ['name', 'integer', '42', '42'],
    ['name', 'decimal(5,2)', '1.5', '1.50'],
    ['name', 'date', '2026-02-03', '2026-02-03'],
    ['name', 'boolean', 'yes', 'true'],
    ['name', 'float', '0.1', '0.1'],
    ['id', 'string', '7', '7'],
    ['id', 'float', '7', '7.0'],
    ['id', 'boolean', '1', 'true'],
    ['price', 'decimal(10,1)', '1.50', '1.5'],
    ['price', 'integer', '2.00', '2'],
    ['weight', 'decimal(18,2)', '0.1', '0.10'],
    ['at', 'date', '2026-01-02 00:00:00', '2026-01-02'],
    ['day', 'timestamp', '2026-01-02', '2026-01-02 00:00:00'],
  ])('%s to %s: %s becomes %s', async (name, to, value, expected) => {
    expect(await castOne(name, to, value)).toBe(expected);
  });

  it.each([
    ['name', 'integer', '8.7'],
    ['name', 'integer', ''],
    ['name', 'decimal(18,2)', '1.005'],
    ['name', 'date', 'infinity'],
    ['id', 'float', '9007199254740993'],
    ['id', 'float', '9223372036854775807'],
    ['id', 'boolean', '2'],
    ['id', 'decimal(3,0)', '1000'],
    ['price', 'decimal(10,1)', '1.55'],
    ['price', 'integer', '2.50'],
    ['weight', 'decimal(18,2)', '1.005'],
    ['weight', 'integer', '0.5'],
    ['at', 'date', '2026-01-02 10:00:00'],
  ])('%s to %s fails the run for %j, without showing it', async (name, to, value) => {
    const error = await castOne(name, to, value).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'CAST_FAILED', message: expect.stringContaining(`"${name}"`) });
    if (value !== '') expect((error as FlexetlError).message).not.toContain(value);
  });

  it('refuses types that have nothing in common', () => {
    expect(failure({ type: 'cast', columns: { id: 'date' } }).code).toBe('SCHEMA_MISMATCH');
    expect(() => parseStep({ type: 'cast', columns: { id: 'decimal' } })).toThrow(/decimal\(18,2\)/);
    expect(() => parseStep({ type: 'cast', columns: { id: 'int' } })).toThrow(/expected string, integer/);
  });
});

describe('other transforms', () => {
  it('derive sees the columns before the step, and replaces in place', async () => {
    const step = { type: 'derive', columns: { id: 'id * 10', twice: 'id * 2' } };
    const { rows: found, schema: after } = await transformRows([step], schema, rows.slice(0, 1));
    expect(after.map(({ name }) => name)).toEqual([...schema.map(({ name }) => name), 'twice']);
    expect([found[0]?.[0], found[0]?.at(-1)]).toEqual(['10', '2']);
  });

  it('aggregate sees the columns before the step, nulls form a group, groups are in order, nulls last', async () => {
    const step = {
      type: 'aggregate',
      group_by: ['ok'],
      aggregations: { id: 'sum(id)', price: 'sum(id * price)' },
    };
    const { rows: found, steps } = await transformRows([step], schema, rows);
    expect(found).toEqual([
      ['false', '2', '0.40'],
      ['true', '4', '1.00'],
      [null, null, null],
    ]);
    expect(steps).toEqual([{ type: 'aggregate', rows_in: 4, rows_out: 3, fate: 'aggregated' }]);
  });

  it('aggregate without groups makes one row, even of nothing', async () => {
    const step = { type: 'aggregate', aggregations: { n: 'count(*)', total: 'sum(id)' } };
    const { rows: found, steps } = await transformRows([step], schema, []);
    expect(found).toEqual([['0', null]]);
    expect(steps).toEqual([{ type: 'aggregate', rows_in: 0, rows_out: 1, fate: 'aggregated' }]);
  });

  it('a sum that only passes beyond 64 bits on its way is exact', async () => {
    const step = { type: 'aggregate', aggregations: { total: 'sum(n)' } };
    const numbers = ['9223372036854775807', '1', '-9223372036854775808'];
    const found = await transformRows(
      [step],
      [{ name: 'n', type: INTEGER }],
      numbers.map((number) => [number]),
    );
    expect(found.rows).toEqual([['0']]);
  });

  it('first and last follow the order of a sort before them', async () => {
    const steps = [
      { type: 'sort', by: [{ column: 'price', order: 'desc' }] },
      { type: 'aggregate', aggregations: { first: 'first(id)', last: 'last(id)' } },
    ];
    expect((await transformRows(steps, schema, rows)).rows).toEqual([['3', '1']]);
  });

  it('columns may have the names of DuckDB’s own pseudo columns, keywords and hostile ones', async () => {
    const names = ['rowid', 'select', 'a"; DROP TABLE x; --', "it's", 'file_index', 'ü ñ', 'count(*)'];
    const odd: Schema = names.map((name) => ({ name, type: INTEGER }));
    const values = names.map((_, index) => String(index));
    const steps = [
      { type: 'sort', by: names },
      { type: 'drop_nulls' },
      { type: 'deduplicate', columns: names },
      { type: 'aggregate', group_by: names, aggregations: { n: 'count(*)', '"': 'sum(col("rowid"))' } },
      { type: 'sort', by: ['"'] },
      { type: 'filter', column: '"', operator: '=', value: 0 },
    ];
    expect((await transformRows(steps, odd, [values, values])).rows).toEqual([[...values, '1', '0']]);
  });

  it.each<[string, Step, string]>([
    ['derive', { type: 'derive', columns: { _FlexETL_x: '1' } }, 'CONFIG_INVALID'],
    ['derive', { type: 'derive', columns: { '': '1' } }, 'CONFIG_INVALID'],
    ['derive', { type: 'derive', columns: { ID: '1' } }, 'CONFIG_INVALID'],
    ['derive', { type: 'derive', columns: { x: 'idd + 1' } }, 'EXPRESSION_INVALID'],
    ['rename', { type: 'rename', columns: { id: 'name' } }, 'CONFIG_INVALID'],
    ['rename', { type: 'rename', columns: { idd: 'x' } }, 'SCHEMA_MISMATCH'],
    ['select', { type: 'select', columns: ['id', 'id'] }, 'CONFIG_INVALID'],
    ['sort', { type: 'sort', by: ['prise'] }, 'SCHEMA_MISMATCH'],
    [
      'aggregate',
      { type: 'aggregate', group_by: ['id'], aggregations: { id: 'count(*)' } },
      'CONFIG_INVALID',
    ],
    ['aggregate', { type: 'aggregate' }, 'CONFIG_INVALID'],
    ['deduplicate', { type: 'deduplicate', columns: ['idd'] }, 'SCHEMA_MISMATCH'],
    ['drop_nulls', { type: 'drop_nulls', columns: ['idd'] }, 'SCHEMA_MISMATCH'],
    ['agregate', { type: 'agregate' }, 'PLUGIN_UNKNOWN'],
  ])('%s names its step in the error: %j', (_, step, code) => {
    const error = failure({ type: 'drop_nulls' }, step);
    expect(error.code).toBe(code);
    if (code !== 'PLUGIN_UNKNOWN') expect(error.message).toMatch(/^transformations\.1: /);
  });
});
