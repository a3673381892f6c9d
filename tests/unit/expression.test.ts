import { compileAggregate, compileExpression } from '../../pipeline/expression';
import { FlexetlError } from '../../pipeline/errors';
import { sqlType, ident } from '../../pipeline/sql';
import {
  BOOLEAN,
  DATE,
  FLOAT,
  INTEGER,
  STRING,
  TIMESTAMP,
  decimal,
  formatType,
  type Schema,
} from '../../pipeline/types';
import { inDuckdb, relationOf, textRows, type TextRow } from '../support/rows';

const schema: Schema = [
  { name: 'quantity', type: INTEGER },
  { name: 'unit_price', type: decimal(18, 2) },
  { name: 'rate', type: decimal(18, 6) },
  { name: 'big', type: decimal(38, 2) },
  { name: 'name', type: STRING },
  { name: 'day', type: DATE },
  { name: 'at', type: TIMESTAMP },
  { name: 'ok', type: BOOLEAN },
  { name: 'weight', type: FLOAT },
  { name: 'odd "name"; --', type: INTEGER },
];
const row: TextRow = [
  '7',
  '2.50',
  '1.500000',
  '10.25',
  ' Ann ',
  '2026-02-03',
  '2026-02-03 04:05:06',
  'true',
  '0.5',
  '3',
];
const nulls: TextRow = row.map(() => null);

/** The value of an expression over one row, and its type; DuckDB must agree about the type. */
async function evaluate(text: string, values = row): Promise<[string | null | undefined, string]> {
  const { sql, type } = compileExpression(text, schema);
  return inDuckdb(async (db) => {
    const query = `SELECT ${sql} AS x FROM (${relationOf(schema, [values])})`;
    const [described] = await db.all(`DESCRIBE ${query}`);
    expect(described?.['column_type']).toBe(sqlType(type));
    return [(await textRows(db, query))[0]?.[0], formatType(type)];
  });
}

function failure(text: string, compile: typeof compileExpression = compileExpression): FlexetlError {
  try {
    compile(text, schema);
  } catch (error) {
    if (error instanceof FlexetlError) return error;
    throw error;
  }
  throw new Error(`no error: ${text}`);
}

describe('an expression', () => {
  it.each([
    ['quantity + 1', '8', 'integer'],
    ['quantity * 2 - 3 * 4', '2', 'integer'],
    ['-quantity % 4', '-3', 'integer'],
    ['quantity * unit_price', '17.50', 'decimal(37,2)'],
    ['unit_price * rate', '3.75000000', 'decimal(36,8)'],
    ['unit_price + 0.005', '2.505', 'decimal(20,3)'],
    ['unit_price - rate', '1.000000', 'decimal(23,6)'],
    ['unit_price % 2', '0.50', 'decimal(21,2)'],
    ['0.1 + 0.2', '0.3', 'decimal(3,1)'],
    ['1.5e3 + 1', '1501', 'integer'],
    ['big + 1', '11.25', 'decimal(38,2)'],
    ['quantity / 2', '3.500000', 'decimal(38,6)'],
    ['2 / 3', '0.666667', 'decimal(38,6)'],
    ['-2 / 3', '-0.666667', 'decimal(38,6)'],
    ['1 / 8000000', '0.000000', 'decimal(38,6)'],
    ['1 / 2000000', '0.000001', 'decimal(38,6)'],
    ['big / 3', '3.416667', 'decimal(38,6)'],
    ['weight * 2', '1.0', 'float'],
    ['weight / 3 < 0.2', 'true', 'boolean'],
    ['quantity = 7 && unit_price == 2.5', 'true', 'boolean'],
    ['quantity != 7 or quantity <> 7', 'false', 'boolean'],
    ['not (quantity > 7) and !ok', 'false', 'boolean'],
    ['day >= "2026-01-31"', 'true', 'boolean'],
    ['day < at', 'true', 'boolean'],
    ['if(quantity > 5, unit_price, 0)', '2.50', 'decimal(21,2)'],
    ['coalesce(null, name)', ' Ann ', 'string'],
    ['nullif(quantity, 7)', null, 'integer'],
    ['nullif(quantity, 7) / 0', null, 'decimal(38,6)'],
    ['abs(-unit_price)', '2.50', 'decimal(18,2)'],
    ['round(1.005, 2)', '1.01', 'decimal(4,2)'],
    ['round(-1.005, 2)', '-1.01', 'decimal(4,2)'],
    ['round(unit_price)', '3', 'decimal(17,0)'],
    ['floor(-unit_price)', '-3', 'decimal(18,0)'],
    ['ceil(unit_price)', '3', 'decimal(18,0)'],
    ['upper(trim(name))', 'ANN', 'string'],
    ['length(name)', '5', 'integer'],
    ['concat(name, "-", quantity, null)', ' Ann -7', 'string'],
    ['concat(0.5 - 1, " ", 0.50)', '-0.5 0.50', 'string'],
    ['substr(name, 2, 2)', 'An', 'string'],
    ['replace(name, "n", "m")', ' Amm ', 'string'],
    ['contains(name, "nn") and starts_with(name, " A") and not ends_with(name, "n")', 'true', 'boolean'],
    ['year(day) * 100 + month(at) + day(day)', '202605', 'integer'],
    ['date(at) = day and date("2026-02-03") = day', 'true', 'boolean'],
    ['least(quantity, unit_price)', '2.50', 'decimal(21,2)'],
    ['greatest(quantity, null)', '7', 'integer'],
    ['is_null(name) or is_not_null(day)', 'true', 'boolean'],
    ['col("odd \\"name\\"; --") + 1', '4', 'integer'],
    ["'it''s' = name", undefined, ''],
    ['-9223372036854775808 < 0', 'true', 'boolean'],
    ['quantity in (1, 7.0) and name in (" Ann ") or ok', 'true', 'boolean'],
    ['not (day in ("2026-02-03", "2026-02-04"))', 'false', 'boolean'],
    ['quantity * 2 in (14)', 'true', 'boolean'],
    ['matches(name, "An{2}")', 'true', 'boolean'],
    ['matches(name, "^An")', 'false', 'boolean'],
  ])('%s is %s', async (text, value, type) => {
    if (value === undefined) expect(failure(text).code).toBe('EXPRESSION_INVALID');
    else expect(await evaluate(text)).toEqual([value, type]);
  });

  it.each([
    'quantity + 1',
    'unit_price / quantity',
    'upper(name)',
    'ok and quantity > 1',
    'year(day)',
    'date(name)',
  ])('gives null for nulls: %s', async (text) => {
    expect((await evaluate(text, nulls))[0]).toBeNull();
  });

  it.each([
    ['quantity + 9223372036854775807', 'VALUE_OVERFLOW'],
    ['quantity * 9223372036854775807', 'VALUE_OVERFLOW'],
    ['-quantity - 9223372036854775807', 'VALUE_OVERFLOW'],
    ['big * 1000000000000000000000000000000000000.5', 'VALUE_OVERFLOW'],
    ['weight * 1' + '0'.repeat(37) + ' * 1' + '0'.repeat(37) + ' / 0', 'DIVISION_BY_ZERO'],
    ['quantity / (quantity - 7)', 'DIVISION_BY_ZERO'],
    ['quantity % 0', 'DIVISION_BY_ZERO'],
    ['weight / (weight - weight)', 'DIVISION_BY_ZERO'],
    ['unit_price / 0.00', 'DIVISION_BY_ZERO'],
    ['date(name)', 'CAST_FAILED'],
  ])('fails the run rather than give a wrong number: %s', async (text, code) => {
    await expect(evaluate(text)).rejects.toMatchObject({ code });
  });

  it('fails where floats leave their range, even when the result would be finite', async () => {
    const wide = { name: 'wide', type: FLOAT };
    for (const text of ['wide * wide', '1 / (wide * wide)', 'wide * wide > 1', 'least(wide * wide, 1)']) {
      const { sql } = compileExpression(text, [wide]);
      const query = inDuckdb((db) => db.one(`SELECT ${sql} AS x FROM (${relationOf([wide], [['1e300']])})`));
      await expect(query).rejects.toMatchObject({ code: 'VALUE_OVERFLOW' });
    }
  });

  it('computes what a condition guards only where the condition holds', async () => {
    expect((await evaluate('quantity != 7 and 1 / (quantity - 7) > 0'))[0]).toBe('false');
    expect((await evaluate('quantity = 7 or 1 / (quantity - 7) > 0'))[0]).toBe('true');
    expect((await evaluate('if(quantity = 7, null, 1 / (quantity - 7))'))[0]).toBeNull();
    expect((await evaluate('(ok and quantity != 7 and 1 / (quantity - 7) > 0) = false'))[0]).toBe('true');
  });

  it('knows the columns it reads', () => {
    expect([...compileExpression('if(ok, quantity, quantity + 1)', schema).columns]).toEqual([
      'ok',
      'quantity',
    ]);
  });

  it.each([
    ['quantty * 2', 1, 'There is no column "quantty"', 'Did you mean "quantity"?'],
    ['2 * (1 + Quantity)', 10, 'There is no column "Quantity"', 'Did you mean "quantity"?'],
    ['uper(name)', 1, 'There is no function "uper"', 'Did you mean "upper"?'],
    ['constructor(name)', 1, 'There is no function "constructor"', undefined],
    ['quantity + name', 1, '`+` takes numbers, found integer + string', 'concat'],
    ['quantity = "7"', 12, 'integer and string have no common type', 'cast'],
    ['day = "2026-02-30"', 7, 'The text used as a date is not a date', undefined],
    ['quantity and ok', 1, '`and` takes conditions, found integer', undefined],
    ['not quantity = 7', 1, '`not` without brackets', 'not (…)'],
    ['1 < quantity < 3', 16, 'boolean and integer have no common type', 'cast'],
    ['quantity *', 11, 'Expected expression after *', undefined],
    ['(quantity', 10, 'A bracket is not closed', undefined],
    ['"abc', 5, 'The quote of a text is not closed', undefined],
    ['quantity unit_price', 10, 'Expected an operator', undefined],
    ['quantity;', 9, 'found a separator', undefined],
    ['', 1, 'The expression is empty', undefined],
    ['a.b', 1, 'Unexpected "."', 'col('],
    ['ok ? 1 : 2', 1, 'Unexpected "?"', 'if('],
    ['[1]', 1, 'Expected a column', undefined],
    ['null', 1, 'null alone has no type', undefined],
    ['round(1.5, quantity)', 12, 'The digits of round', undefined],
    ['upper(1)', 7, 'Expected string, found integer', undefined],
    ['abs(1, 2)', 1, 'abs(…) has 2 arguments', 'abs(number)'],
    ['sum(quantity)', 1, 'sum(…) needs a group of rows', 'aggregate step'],
    ['1' + '0'.repeat(38), 1, 'A number of 39 digits', undefined],
    ['quantity in 7', 1, '`in` takes a list in brackets', 'x in (1, 2)'],
    ['quantity in ()', 15, 'Expected expression after in', undefined],
    ['quantity in (1, "2")', 17, 'integer and string have no common type', undefined],
    ['not quantity in (1)', 1, '`not` without brackets', 'not (…)'],
    ['matches(name, name)', 15, 'The pattern of matches(…) is a text in quotes', undefined],
    ['matches(name, "a(?!b)")', 15, 'The pattern uses a lookaround', 'RE2'],
    ['matches(quantity, "7")', 9, 'Expected string, found integer', undefined],
    ['_flexetl_record', 1, 'There is no column "_flexetl_record"', undefined],
  ])('is refused with its place: %s', (text, at, problem, hint) => {
    const error = failure(text);
    expect(error.code).toBe('EXPRESSION_INVALID');
    expect(error.message).toContain(problem);
    expect(error.message).toContain(`at character ${at} of`);
    if (hint !== undefined) expect(error.hint).toContain(hint);
  });

  it.each([
    ['brackets', '('.repeat(2000) + '1' + ')'.repeat(1999)],
    ['signs', '-'.repeat(3000) + 'quantity'],
    ['a long sum', Array.from({ length: 900 }, () => '1').join('+')],
    ['nested divisors', '1/('.repeat(60) + 'quantity' + ')'.repeat(60)],
    ['length', ' '.repeat(4001)],
  ])('is bounded: %s', (_, text) => {
    expect(failure(text).code).toBe('EXPRESSION_INVALID');
  });

  it('reaches SQL only as identifiers and literals', async () => {
    const hostile = [`'; DROP TABLE t; --`, `x" OR 1=1 --`, `\\'`, `$$`, `{{`, `')) UNION SELECT 1 --`];
    for (const name of hostile) {
      const columns: Schema = [{ name, type: INTEGER }];
      const { sql } = compileExpression(
        `col(${JSON.stringify(name)}) + length(${JSON.stringify(name)})`,
        columns,
      );
      const found = await inDuckdb((db) =>
        textRows(db, `SELECT ${sql} FROM (${relationOf(columns, [['1']])})`),
      );
      expect(found).toEqual([[String([...name].length + 1)]]);
      expect(sql).toContain(ident(name));
    }
    for (const text of [
      '1; DROP TABLE t',
      'quantity) FROM x --',
      '`quantity`',
      'quantity::text',
      'quantity -- x',
      '/*x*/1',
    ]) {
      expect(failure(text).code).toBe('EXPRESSION_INVALID');
    }
  });
});

describe('an aggregate expression', () => {
  const rows: TextRow[] = [
    ['1', '2.50', '1', '0.01', 'b', '2026-01-02', null, 'true', '0.1', null],
    ['2', '0.10', '1', '0.02', null, '2026-01-01', null, 'false', '0.2', null],
    [null, null, null, null, 'a', null, null, null, null, null],
  ];
  const evaluateAll = async (text: string, of = rows): Promise<string | null | undefined> => {
    const { sql, type } = compileAggregate(text, schema);
    const query = `SELECT ${sql} AS x FROM (${relationOf(schema, of)})`;
    return inDuckdb(async (db) => {
      expect((await db.all(`DESCRIBE ${query}`))[0]?.['column_type']).toBe(sqlType(type));
      return (await textRows(db, query))[0]?.[0];
    });
  };

  it.each([
    ['count(*)', '3', '0'],
    ['count(quantity)', '2', '0'],
    ['count_distinct(quantity > 0)', '1', '0'],
    ['sum(quantity)', '3', null],
    ['sum(quantity * unit_price)', '2.70', null],
    ['sum(big)', '0.03', null],
    ['sum(weight)', '0.30000000000000004', null],
    ['avg(quantity)', '1.500000', null],
    ['avg(unit_price)', '1.300000', null],
    ['avg(big)', '0.015000', null],
    ['avg(weight)', '0.15000000000000002', null],
    ['min(day)', '2026-01-01', null],
    ['max(name)', 'b', null],
    ['first(name)', 'b', null],
    ['last(name)', 'a', null],
    ['last(quantity)', '2', null],
    ['sum(quantity) / count(*) + 1', '2.000000', null],
    ['concat("n=", count(*))', 'n=3', 'n=0'],
  ])('%s', async (text, value, ofNothing) => {
    expect(await evaluateAll(text)).toBe(value);
    expect(await evaluateAll(text, [])).toBe(ofNothing);
  });

  it('fails when a sum leaves its type', async () => {
    const most = '9223372036854775807';
    const two = (index: number, value: string): TextRow[] =>
      [0, 1].map(() => row.map((_, i) => (i === index ? value : null)));
    await expect(evaluateAll('sum(quantity)', two(0, most))).rejects.toMatchObject({
      code: 'VALUE_OVERFLOW',
      message: expect.stringContaining('sum(quantity) exceeds the 64-bit integers'),
    });
    await expect(evaluateAll('sum(big)', two(3, '9'.repeat(36)))).rejects.toMatchObject({
      code: 'VALUE_OVERFLOW',
    });
    await expect(evaluateAll('sum(big)', two(3, '6' + '0'.repeat(35)))).rejects.toMatchObject({
      code: 'VALUE_OVERFLOW',
    });
    expect(await evaluateAll('avg(quantity)', two(0, most))).toBe(`${most}.000000`);
    await expect(evaluateAll('sum(weight)', two(8, '1.5e308'))).rejects.toMatchObject({
      code: 'VALUE_OVERFLOW',
    });
  });

  it.each([
    ['quantity + sum(quantity)', 1, 'has many values in a group'],
    ['sum(sum(quantity))', 5, 'inside another aggregate'],
    ['sum(name)', 5, 'Expected a number, found string'],
    ['sum(*)', 1, '`*` is allowed only in count(*)'],
    ['sum(quantity, 2)', 1, 'takes one value'],
    ['summ(quantity)', 1, 'There is no function "summ"'],
  ])('is refused with its place: %s', (text, at, problem) => {
    const error = failure(text, compileAggregate);
    expect(error.message).toContain(problem);
    expect(error.message).toContain(`at character ${at} of`);
  });

  it('may use the columns of the groups outside of aggregates', () => {
    expect(compileAggregate('concat(name, count(*))', schema, new Set(['name'])).type).toEqual(STRING);
  });
});
