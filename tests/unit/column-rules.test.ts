/** The rules of a column, and the table of docs/validation.md about nulls, empty texts and NaN. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'yaml';
import { boundSql } from '../../pipeline/checks/bound';
import { validation } from '../../pipeline/config/sections';
import type { Column } from '../../pipeline/types';
import { stageAll, type EngineInput } from '../support/engine';
import { inDuckdb, relationOf, textRows } from '../support/rows';

type Rules = NonNullable<EngineInput['schema']>[string];

/** The rules that each record of a column fails, as `rule reason`, joined. */
async function failures(rules: Rules, values: readonly string[], options: object = {}): Promise<string[]> {
  const field = (value: string): string => `"${value.replaceAll('"', '""')}"`;
  const csv = `x,id\n${values.map((value, index) => `${field(value)},${index}\n`).join('')}`;
  const schema = { x: { on_failure: 'warn' as const, ...rules } };
  return stageAll({ csv, schema, options }, ({ rejected }) =>
    values.map((_, index) =>
      rejected
        .filter(({ record }) => record === index + 1)
        .map(({ rule, reason }) => `${rule}: ${reason}`)
        .join('; '),
    ),
  );
}

describe('a rule of a column', () => {
  it.each<[string, Rules, string[], string[]]>([
    [
      'min and max',
      { type: 'integer', min: 0, max: 10 },
      ['0', '-1', '10', '11'],
      ['', 'min: below 0', '', 'max: above 10'],
    ],
    [
      'min of a decimal, to the last digit',
      { type: 'decimal(38,37)', min: '0.0000000000000000000000000000000000001' },
      ['0', '0.0000000000000000000000000000000000001', '0.5'],
      ['min: below 0.0000000000000000000000000000000000001', '', ''],
    ],
    [
      'min that is smaller than any decimal',
      { type: 'decimal', min: '1e-400' },
      ['0', '0.1', '-1'],
      ['min: below 1e-400', '', 'min: below 1e-400'],
    ],
    [
      'max that is larger than any decimal',
      { type: 'decimal', max: '1e400' },
      ['99999999999999999999999999999999999999'],
      [''],
    ],
    [
      'min between two integers',
      { type: 'integer', min: 0.5, max: '-0.5' },
      ['0', '1', '-1'],
      ['min: below 0.5; max: above -0.5', 'max: above -0.5', 'min: below 0.5'],
    ],
    [
      'min of 38 digits',
      { type: 'decimal(38,0)', min: '99999999999999999999999999999999999999' },
      ['99999999999999999999999999999999999998', '99999999999999999999999999999999999999'],
      ['min: below 99999999999999999999999999999999999999', ''],
    ],
    [
      'min of a float',
      { type: 'float', min: 0.07, max: '1e308' },
      ['0.07', '0.0699999', '1.1e308'],
      ['', 'min: below 0.07', 'max: above 1e308'],
    ],
    [
      'min of a date',
      { type: 'date', min: '2026-01-31', max: '2026-02-28' },
      ['2026-01-30', '2026-01-31', '2026-03-01'],
      ['min: below 2026-01-31', '', 'max: above 2026-02-28'],
    ],
    [
      'min of a timestamp',
      { type: 'timestamp', min: '2026-01-31T12:00:00.000001' },
      ['2026-01-31T12:00:00', '2026-01-31T12:00:00.000001'],
      ['min: below 2026-01-31T12:00:00.000001', ''],
    ],
    ['min of a column without a type', { min: 5 }, ['4', '5.5', ''], ['min: below 5', '', '']],
    [
      'the length in characters',
      { min_length: 2, max_length: 3 },
      ['é', 'éé', '👍👍👍', 'abcd'],
      ['min_length: shorter than 2 characters', '', '', 'max_length: longer than 3 characters'],
    ],
    [
      'a pattern, anywhere in the text',
      { pattern: '[0-9]{2}' },
      ['ab12', 'a1b2'],
      ['', 'pattern: does not match the pattern [0-9]{2}'],
    ],
    [
      'a pattern whose $ is the end of the text',
      { pattern: '^[a-z]$' },
      ['a', 'a\n', 'ab', '\na'],
      [
        '',
        'pattern: does not match the pattern ^[a-z]$',
        'pattern: does not match the pattern ^[a-z]$',
        'pattern: does not match the pattern ^[a-z]$',
      ],
    ],
    [
      'the pattern of the text of a number',
      { type: 'integer', pattern: '^[0-9]{5}$' },
      ['01234', '1234'],
      ['', 'pattern: does not match the pattern ^[0-9]{5}$'],
    ],
    ['a list of values', { enum: ['a', 'b'] }, ['a', 'B'], ['', 'enum: not one of a, b']],
    [
      'a list of numbers, by value',
      { type: 'decimal', enum: ['1.50', 2] },
      ['1.5', '2.0', '2.1'],
      ['', '', 'enum: not one of 1.50, 2'],
    ],
    [
      'several rules at once',
      { min: 3, enum: [1, 5], pattern: '^.$' },
      ['1', '5', '10'],
      ['min: below 3', '', 'enum: not one of 1, 5; pattern: does not match the pattern ^.$'],
    ],
  ])('wants %s', async (_what, rules, values, says) => {
    const found = await failures(rules, values);
    expect(found.map((text) => text.split('; ').sort().join('; '))).toEqual(
      says.map((text) => text.split('; ').sort().join('; ')),
    );
  });

  it.each<[NonNullable<Rules['format']>, string[], string[]]>([
    [
      'email',
      ['a.b+c@example.co.uk', "o'hara@x.org"],
      ['a@b', 'a b@example.com', '@example.com', 'a@example..com', 'a@-x.com', 'a@x.com\n', 'Ann <a@x.com>'],
    ],
    [
      'url',
      ['https://example.com', 'HTTP://user:pw@example.com:8080/a?b#c', 'http://[::1]/', 'https://x.y/ü'],
      ['example.com', 'ftp://x.y', 'https://', 'https://a b.c', 'https://x.y/a b', 'javascript:alert(1)'],
    ],
    [
      'uuid',
      ['123e4567-e89b-12d3-a456-426614174000', '123E4567-E89B-12D3-A456-426614174000'],
      [
        '123e4567e89b12d3a456426614174000',
        '{123e4567-e89b-12d3-a456-426614174000}',
        '123e4567-e89b-12d3-a456-42661417400g',
      ],
    ],
    [
      'date',
      ['2024-02-29', '0001-01-01'],
      ['2026-02-30', '2026-1-1', '01.02.2026', '2026-01-01T00:00:00', 'infinity'],
    ],
    [
      'datetime',
      ['2026-01-31T12:00:00Z', '2026-01-31T23:59:59.123456+05:30'],
      [
        '2026-01-31T12:00:00',
        '2026-02-30T12:00:00Z',
        '2026-01-31T24:00:00Z',
        '2026-01-31 12:00:00Z',
        '2026-01-31',
      ],
    ],
    ['ipv4', ['0.0.0.0', '255.255.255.255', '10.1.20.3'], ['256.1.1.1', '1.2.3', '01.2.3.4', '1.2.3.4.5']],
    ['phone', ['+4930123456'], ['030123456', '+49 30 123456', '+0301234567', '+12345']],
  ])('knows the format %s', async (format, good, bad) => {
    const found = await failures({ type: 'string', format }, [...good, ...bad]);
    expect(found.slice(0, good.length)).toEqual(good.map(() => ''));
    for (const [index, text] of bad.entries())
      expect([text, found[good.length + index]]).toEqual([text, expect.stringMatching(/^format: not an? /)]);
  });

  it.each<[string, Rules, RegExp]>([
    ['min of a text', { type: 'string', min: 5 }, /^min: the column "x" \(string\)/],
    ['min of a condition', { type: 'boolean', min: 5 }, /^min: the column "x" \(boolean\)/],
    ['max of a date that is none', { type: 'date', max: '2026-02-30' }, /^max: the column "x" \(date\)/],
    [
      'a list of the wrong type',
      { type: 'string', enum: [1] },
      /^enum: the column "x" \(string\) is compared with a number/,
    ],
  ])('is refused before anything is read: %s', async (_what, rules, says) => {
    await expect(failures(rules, ['1'])).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringMatching(says),
    });
  });

  it.each<[object, string]>([
    [{ pattern: '(?=a)' }, 'the pattern uses a lookaround'],
    [{ enum: [] }, 'Too small'],
    [{ format: 'mail' }, 'Invalid option'],
    [{ where: 'a +' }, 'character'],
    [{ min_length: -1 }, 'Too small'],
    [{ fail_when: '5' }, 'a number of rows or a percentage'],
  ])('is checked with the pipeline file: %j', (rules, says) => {
    const found = validation.safeParse({ schema: { x: rules } });
    expect(found.error?.issues[0]?.message).toContain(says);
  });

  it('holds for all columns without rules of their own, as "*"', async () => {
    const schema = { '*': { max_length: 2, on_failure: 'warn' as const }, b: { type: 'integer' } };
    await stageAll({ csv: 'a,b,c\nxxx,1234,yyy\n', schema }, ({ rejected }) => {
      expect(rejected.map(({ column, rule }) => [column, rule])).toEqual([
        ['a', 'max_length'],
        ['c', 'max_length'],
      ]);
    });
  });

  it('percentages are of the rows that meet its condition', async () => {
    const rules = { min: 0, where: 'id < 4', warn_when: '> 0%', fail_when: '> 50%' };
    const input = (values: number[]): EngineInput => ({
      csv: `x,id\n${values.map((value, index) => `${value},${index}\n`).join('')}`,
      schema: { x: rules },
    });
    const judgeOf = (values: number[]) =>
      stageAll(input(values), async ({ deps, context }) => {
        const { validateRun } = await import('../../engine/validate.js');
        const run = { project: 'test', pipeline: 'p', runKey: 'k' };
        return validateRun(deps, { run }, context).then(
          ({ checks }) => checks.find(({ name }) => name === 'min')?.status,
          (error: Error) => error.message,
        );
      });
    expect(await judgeOf([-1, -1, 1, 1, -1, -1, -1])).toBe('warned');
    expect(await judgeOf([-1, -1, -1, 1, 1, 1, 1])).toBe(
      'min of column "x": 3 of 4 records fail, which is > 50%.',
    );
  });
});

describe('a bound', () => {
  const digits = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n });
  const bound = fc.tuple(fc.bigInt({ min: -(10n ** 42n), max: 10n ** 42n }), fc.integer({ min: 0, max: 44 }));

  function plain(value: bigint, scale: number): string {
    const text = String(value < 0n ? -value : value).padStart(scale + 1, '0');
    const sign = value < 0n ? '-' : '';
    return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`;
  }

  it('of a decimal is compared as numbers are, digit by digit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(digits, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 38 }),
        bound,
        async (values, scale, [limit, limitScale]) => {
          const column: Column = {
            name: 'x',
            type: { kind: 'decimal', precision: 38, scale },
            declared: true,
          };
          // One of the values itself, too.
          for (const [edge, edgeScale] of [
            [limit, limitScale],
            [values[0] ?? 0n, scale],
          ] as const) {
            const [below, above] = (['<', '>'] as const).map((side) =>
              boundSql(column, side, plain(edge, edgeScale)),
            );
            const rows = relationOf(
              [column],
              values.map((value) => [plain(value, scale)]),
            );
            const found = await inDuckdb((db) =>
              textRows(
                db,
                `SELECT coalesce(${below}, false), coalesce(${above}, false) FROM (${rows}) ORDER BY "_flexetl_record"`,
              ),
            );
            const compared = values.map(
              (value) => value * 10n ** BigInt(edgeScale) - edge * 10n ** BigInt(scale),
            );
            expect(found).toEqual(
              compared.map((difference) => [String(difference < 0n), String(difference > 0n)]),
            );
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('the table of nulls, empty texts and NaN', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'validation.md'), 'utf8');
  const [, table = ''] = /\| rule +\| null .*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(page) ?? [];
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\|\s*|\s*\|$/g, '').trim()));

  it('has the rules', () => expect(rows.length).toBeGreaterThan(10));

  it.each(rows)('is right about %s', async (rule = '', ...says) => {
    const text = rule.replaceAll('`', '');
    const yaml = text.startsWith('null_check')
      ? { null_check: true }
      : (parse(`{${text}}`) as Rules & { expression?: string });
    const { expression, ...rules } = yaml as Rules & { expression?: string };
    const isNullCheck = 'null_check' in yaml;
    const quality_checks = [
      ...(expression === undefined ? [] : [{ type: 'expression', options: { expression } }]),
      ...(isNullCheck ? [{ type: 'null_check', options: { columns: ['x'], max_null_percentage: 0 } }] : []),
    ];
    const schema: EngineInput['schema'] =
      isNullCheck || expression !== undefined ? { x: { type: 'string' } } : { x: rules };
    const csv = 'x,id\n"NULL",1\n"",2\n"NaN",3\n';
    const input = { csv, options: { null_values: ['NULL'] }, schema, quality_checks };
    const found = await stageAll(input, ({ rejected, rows: good }) =>
      [1, 2, 3].map((record) => {
        if (isNullCheck) return good[record - 1]?.[0] === null ? 'fails' : 'passes';
        const failed = rejected.filter((verdict) => verdict.record === record).map((verdict) => verdict.rule);
        if (failed.includes('type')) return 'fails by `type`';
        return failed.length === 0 ? 'passes' : 'fails';
      }),
    );
    expect(found).toEqual(says);
  });
});
