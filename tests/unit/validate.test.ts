/** The gate: what validate says of rows that are staged. */
import { errorLines } from '../../client/print';
import type { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { validateRun } from '../../engine/validate';
import { stageAll, type EngineInput } from '../support/engine';

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
