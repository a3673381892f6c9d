/** The gate: what validate says of rows that are staged. */
import { errorLines } from '../../client/print';
import { z } from 'zod';
import { checks } from '../../pipeline/checks/index';
import type { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { validateRun } from '../../engine/validate';
import { defineCheck, type Check } from '../../plugin/check';
import { createTestDeps, stageAll, type EngineInput } from '../support/engine';

const run = { project: 'test', pipeline: 'p', runKey: 'k' };

/** What a user reads: the message, and a line for each place. */
async function refusalOf(input: EngineInput): Promise<string[]> {
  return stageAll(input, async ({ deps, context }) => {
    const passed = validateRun(deps, { run }, context);
    const { code, message, places } = (await passed.catch((error: unknown) => error)) as FlexetlError;
    return errorLines({ code, message, places: [...places] }).map((line) => line.trim());
  });
}

const integers = { x: { type: 'integer' }, y: { type: 'integer' } };

describe('records that do not fit', () => {
  it.each<[string, EngineInput, string[]]>([
    [
      'null where it must not be',
      { csv: 'id,x\na,1\nb,\n', schema: { x: { type: 'integer', nullable: false } } },
      ['1 of 2 records does not fit.', 'in/0.csv:3 x: null in a column that is not nullable'],
    ],
    [
      'a value in a file whose every column is declared',
      { csv: 'x,y\n1,2\n3,four\n', schema: integers },
      ['1 of 2 records does not fit.', 'in/0.csv:3 y: "four" not an integer'],
    ],
    [
      'a value in a declared column that nothing uses',
      {
        csv: 'x,y\n1,2\n3,four\n',
        schema: integers,
        transformations: [{ type: 'select', options: { columns: ['x'] } }],
      },
      ['1 of 2 records does not fit.', 'in/0.csv:3 y: "four" not an integer'],
    ],
    [
      'every reason of a record, which counts once',
      { csv: 'x,y\none,two\n3\n4,\n', schema: { ...integers, y: { type: 'integer', nullable: false } } },
      [
        '3 of 3 records do not fit.',
        'in/0.csv:2 x: "one" not an integer',
        'in/0.csv:2 y: "two" not an integer',
        'in/0.csv:3: 1 field, header has 2',
        'in/0.csv:4 y: null in a column that is not nullable',
      ],
    ],
    [
      'a long value cut, and line breaks as they are written in JSON',
      { csv: `x\n"${'long '.repeat(50)}"\n"a\nb"\n`, schema: { x: { type: 'integer' } } },
      [
        '2 of 2 records do not fit.',
        `in/0.csv:2 x: "${'long '.repeat(LIMITS.valueCharsMax / 5).slice(0, -1)}…" not an integer`,
        'in/0.csv:3 x: "a\\nb" not an integer',
      ],
    ],
  ])('say %s', async (_what, input, says) => {
    const [message, ...places] = await refusalOf(input);
    expect([message?.replace('error RECORDS_REJECTED: ', ''), ...places]).toEqual(says);
  });

  it.each<[string, EngineInput, string]>([
    [
      'the type of a column',
      { csv: 'x\na\n', schema: { x: { type: 'integer' } } },
      'declare the column with a type that fits (validation.schema)',
    ],
    [
      'a number with thousands separators',
      { csv: 'x\n"1.234,56"\n', schema: { x: { type: 'decimal(10,2)' } } },
      'write its numbers without thousands separators, which are not read',
    ],
    [
      'a null',
      { csv: 'x,y\n,1\n', schema: { x: { nullable: false } } },
      'declare the column with nullable: true (validation.schema)',
    ],
    [
      'bytes that are not UTF-8',
      { csv: Buffer.from([...Buffer.from('x,y\n1,2\na'), 0xff, ...Buffer.from(',3\n')]) },
      'set the encoding of the source (often windows-1252; the program that wrote the file knows it, and the command file -i guesses it from such a line)',
    ],
    ['a record with too many fields', { csv: 'x\n1,2,3\n2\n3\n' }, 'check delimiter and quote of the source'],
    [
      'a check of the user',
      { csv: 'x\n-1\n', quality_checks: [{ type: 'positive', options: {} }] },
      'change the check positive in validation.quality_checks',
    ],
  ])('have a hint that fits: %s', async (_what, input, way) => {
    const positive = defineCheck({
      type: 'positive',
      description: 'x is above 0.',
      options: z.strictObject({}),
      compile: () => [{ scope: 'row', column: 'x', fails: '"x" <= 0', reason: 'not above 0' }],
    });
    const plugins = createTestDeps(undefined, { checks: [...checks, positive as Check<unknown>] });
    const found = await stageAll(
      input,
      async ({ deps, context }) => validateRun(deps, { run }, context).catch((error: unknown) => error),
      plugins,
    );
    expect(found).toMatchObject({
      code: 'RECORDS_REJECTED',
      hint: `Nothing was loaded. Fix the source, or ${way}.`,
    });
  });

  it('are shown up to twenty reasons, in the order of the files and of their cuts', async () => {
    const lines = Array.from({ length: 15 }, (_, index) => `x${index}\n`).join('');
    const csv = [`x\n1\n${lines}`, `x\n${lines}`];
    const [message, ...places] = await refusalOf({ csv, schema: { x: { type: 'integer' } } });
    expect(message).toBe('error RECORDS_REJECTED: 30 of 31 records do not fit, the first 20 are shown.');
    expect(places).toEqual([
      ...Array.from({ length: 15 }, (_, index) => `in/0.csv:${index + 3} x: "x${index}" not an integer`),
      ...Array.from({ length: 5 }, (_, index) => `in/1.csv:${index + 2} x: "x${index}" not an integer`),
    ]);
  });
});

describe('a text in an undeclared column of numbers', () => {
  it('is shown where an expression wants a number', async () => {
    const numbers = Array.from({ length: LIMITS.sampleRecordsMax }, (_, index) => `${index}\n`).join('');
    const transformations = [
      { type: 'aggregate', options: { group_by: [], aggregations: { total: 'sum(q)' } } },
    ];
    const [message, place] = await refusalOf({ csv: `q\n${numbers}n/a\n`, transformations });
    expect(message).toMatch(/^error EXPRESSION_INVALID: .*sum.* The values of "q" made it text\./);
    expect(place).toMatch(new RegExp(`^in/0\\.csv:${LIMITS.sampleRecordsMax + 2} q: "n/a" not a number`));
  });
});

describe('what validate says of good rows', () => {
  it('has the final types of the columns, and the columns of each check', async () => {
    const numbers = Array.from({ length: LIMITS.sampleRecordsMax }, (_, index) => `${index},\n`).join('');
    const quality_checks = [['q'], ['q', 'r']].map((columns) => ({
      type: 'null_check',
      options: { columns, max_null_percentage: 100 },
    }));
    await stageAll({ csv: `q,r\n${numbers}0.5,2026-01-01\n`, quality_checks }, async ({ deps, context }) => {
      const { checks, columns } = await validateRun(deps, { run }, context);
      expect(columns).toEqual([
        { name: 'q', type: 'decimal(18,1)' },
        { name: 'r', type: 'date' },
      ]);
      expect(
        checks.filter(({ name }) => name.startsWith('null_check')).map((check) => check.columns),
      ).toEqual([['q'], ['q'], ['r']]);
    });
  });

  it('stays small for a source of thousands of columns', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `column_${index}`);
    await stageAll(
      { csv: `${names.join(',')}\n${names.map(() => '1').join(',')}\n` },
      async ({ deps, context }) => {
        const { columns } = await validateRun(deps, { run }, context);
        expect(columns.length).toBeGreaterThan(100);
        expect(JSON.stringify(columns).length).toBeLessThan(LIMITS.reportColumnsChars + 1000);
      },
    );
  });
});
