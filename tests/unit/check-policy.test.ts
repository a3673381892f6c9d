/** What follows when rows fail a check: the policy of each check, thresholds, and the counts of what is quarantined. */
import { z } from 'zod';
import { rehearseRun } from '../../engine/rehearse';
import { validateRun, type ValidateResult } from '../../engine/validate';
import { judge, judgedBy, judgedBroken } from '../../pipeline/checks/policy';
import { parseThreshold, reaches, threshold } from '../../pipeline/checks/threshold';
import { checks } from '../../pipeline/checks/index';
import type { FlexetlError } from '../../pipeline/errors';
import { detailsOf } from '../../pipeline/error-details';
import { defineCheck, type Check } from '../../plugin/check';
import { createTestDeps, stageAll, type EngineInput, type Staging } from '../support/engine';

const run = { project: 'test', pipeline: 'p', runKey: 'k' };

/** A row check of a user's own. */
const positive = defineCheck({
  type: 'positive',
  description: 'A column is above 0.',
  options: z.strictObject({ column: z.string() }),
  compile: ({ column }) => [{ scope: 'row', column, fails: `"${column}" <= 0`, reason: 'not above 0' }],
});

interface Found extends Staging {
  result?: ValidateResult;
  error?: FlexetlError;
}

async function validate(input: EngineInput): Promise<Found> {
  const deps = createTestDeps(undefined, { checks: [...checks, positive as Check<unknown>] });
  return stageAll(
    input,
    async (staging) => {
      try {
        return { ...staging, result: await validateRun(deps, { run }, staging.context) };
      } catch (error) {
        return { ...staging, error: error as FlexetlError };
      }
    },
    deps,
  );
}

const ofX = (settings?: object) => ({
  type: 'positive',
  options: { column: 'x' },
  ...(settings && { settings }),
});
const csv = 'x,y\n1,a\n-1,b\n2,c\n0,d\nsix,e\n3,f\n';
const schema = { x: { type: 'integer' } };

describe('a check under the policy', () => {
  it('fail ends the run, and nothing is quarantined', async () => {
    const { error, rows } = await validate({ csv, schema, quality_checks: [ofX()] });
    expect(error).toMatchObject({
      code: 'RECORDS_REJECTED',
      message: '3 of 6 records do not fit.',
      places: [
        { line: 3, column: 'x', value: '-1', reason: 'not above 0' },
        { line: 5, value: '0' },
        { line: 6, value: 'six' },
      ],
    });
    expect(detailsOf(error).checks).toMatchObject([
      { name: 'type', column: 'x', severity: 'reject', status: 'failed', failing_rows: 1 },
      { name: 'positive', column: 'x', severity: 'reject', status: 'failed', failing_rows: 2 },
    ]);
    expect(rows).toEqual([
      ['1', 'a'],
      ['2', 'c'],
      ['3', 'f'],
    ]);
  });

  it('warn keeps the row, with its verdicts', async () => {
    const given = { csv: csv.replace('six', '6'), schema, quality_checks: [ofX({ on_failure: 'warn' })] };
    const { error, result, rows, rejected } = await validate(given);
    expect(error).toBeUndefined();
    expect(rows).toHaveLength(6);
    expect(rejected).toMatchObject([
      { line: 3, rule: 'positive', value: '-1', severity: 'warn', fate: 'kept' },
      { line: 5, rule: 'positive', value: '0', severity: 'warn', fate: 'kept' },
    ]);
    expect(result).toMatchObject({
      checks: [
        { name: 'type', status: 'passed' },
        {
          name: 'positive',
          severity: 'warn',
          status: 'warned',
          failing_rows: 2,
          examples: [{ line: 3 }, { line: 5 }],
        },
      ],
      warnings: [
        'The check positive of column "x" warns: 2 of 6 records fail it, the first at in/0.csv:3: not above 0.',
      ],
    });
    expect(result).not.toHaveProperty('deadLetter');
  });

  it('continue quarantines the record, and counts the rules that it fails', async () => {
    const quality_checks = [ofX(), { ...ofX({ on_failure: 'warn', name: 'again' }) }];
    const { error, result, rows, rejected } = await validate({ csv, schema, quality_checks, queue: true });
    expect(error).toBeUndefined();
    expect(rows).toHaveLength(3);
    expect(result?.deadLetter).toMatchObject({ records: 3, by_rule: { positive: 2, again: 2, type: 1 } });
    // Every failing rule is kept, also one that only warns.
    expect(rejected.map(({ line, rule, severity, fate }) => [line, rule, severity, fate])).toEqual([
      [3, 'positive', 'reject', 'quarantined'],
      [3, 'again', 'warn', 'quarantined'],
      [5, 'positive', 'reject', 'quarantined'],
      [5, 'again', 'warn', 'quarantined'],
      [6, 'type', 'reject', 'quarantined'],
    ]);
  });

  it('warn fails the run for a value that is not of its type, unless there is a queue', async () => {
    const given: EngineInput = { csv, schema, on_failure: 'warn' };
    expect((await validate(given)).error).toMatchObject({ code: 'RECORDS_REJECTED' });
    const { result, rows } = await validate({ ...given, queue: true });
    expect(rows).toHaveLength(5);
    expect(result?.deadLetter).toMatchObject({ records: 1, by_rule: { type: 1 } });
  });

  it('of its column comes before that of the validation', async () => {
    const nulls = { y: { nullable: false, on_failure: 'warn' as const, message: 'y is needed' } };
    const { result, rejected } = await validate({ csv: 'x,y\n1,\n2,b\n', schema: nulls });
    expect(result?.checks.slice(1)).toMatchObject([
      { name: 'nullable', column: 'y', status: 'warned', failing_rows: 1 },
    ]);
    expect(rejected).toMatchObject([{ rule: 'nullable', reason: 'y is needed', fate: 'kept' }]);
  });

  it('continue is refused for a check of the input as a whole', async () => {
    const quality_checks = [
      { type: 'null_check', options: { columns: ['x'] }, settings: { on_failure: 'continue' as const } },
    ];
    await expect(validate({ csv, quality_checks, queue: true })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /^validation\.quality_checks\.0: null_check is about the input as a whole/,
      ),
    });
  });
});

describe('a condition', () => {
  it('limits a check of rows, and one of the input, to the rows that meet it', async () => {
    const data = 'x,y\n-1,a\n-2,b\n,b\n4,b\n,\n';
    const where = "y = 'b'";
    const quality_checks = [
      ofX({ where, on_failure: 'warn' }),
      {
        type: 'null_check',
        options: { columns: ['x'], max_null_percentage: 0 },
        settings: { where, on_failure: 'warn' as const },
      },
    ];
    const { result, rejected } = await validate({ csv: data, schema, quality_checks });
    expect(rejected.map(({ line }) => line)).toEqual([3]);
    expect(result?.checks.find(({ name }) => name === 'null_check')).toMatchObject({ failing_rows: 1 });
    expect(result?.warnings).toContain('null_check: column "x" is null in 1 of 3 rows, the maximum is 0 %.');
  });

  it('may read a column that nothing else uses', async () => {
    const { rejected } = await validate({
      csv: 'x,y,z\n,1,9\n,2,8\n',
      schema: { x: { nullable: false, where: 'z > 8', on_failure: 'warn' } },
      transformations: [{ type: 'select', options: { columns: ['x'] } }],
    });
    expect(rejected.map(({ line }) => line)).toEqual([2]);
  });

  it('is true or false', async () => {
    await expect(validate({ csv, quality_checks: [ofX({ where: 'x' })] })).rejects.toMatchObject({
      code: 'EXPRESSION_INVALID',
      message: expect.stringContaining('expected one that is true or false'),
    });
  });
});

describe('a threshold', () => {
  const failing = (settings: object, queue = false) =>
    validate({ csv: csv.replace('six', '6'), schema, quality_checks: [ofX(settings)], queue });

  it('lets as many rows fail as it says: they are loaded', async () => {
    const { result, rows } = await failing({ fail_when: '> 2' });
    expect(rows).toHaveLength(6);
    expect(result?.checks.at(-1)).toMatchObject({ status: 'passed', failing_rows: 2, threshold: '> 2' });
  });

  it('that is reached fails the run, with places', async () => {
    const { error } = await failing({ warn_when: '> 0', fail_when: '>= 33.3%' });
    expect(error).toMatchObject({
      code: 'CHECK_FAILED',
      message: 'positive of column "x": 2 of 6 records fail, which is >= 33.3%.',
      places: [{ line: 3 }, { line: 5 }],
    });
  });

  it('of warning alone never fails the run', async () => {
    const { result } = await failing({ warn_when: '> 0' });
    expect(result?.checks.at(-1)).toMatchObject({ status: 'warned', severity: 'warn' });
  });

  it('with continue quarantines the rows, and ends the run when it is reached', async () => {
    const { result, rows } = await failing({ fail_when: '> 2' }, true);
    expect(rows).toHaveLength(4);
    expect(result?.deadLetter?.records).toBe(2);
    const { error } = await failing({ fail_when: '> 1' }, true);
    expect(error).toMatchObject({ code: 'CHECK_FAILED' });
  });

  it('of a check of the input counts the rows that it looks at', async () => {
    const check = (fail_when: string) => ({
      type: 'null_check',
      options: { columns: ['y'], max_null_percentage: 100 },
      settings: { fail_when, where: 'x > 0' },
    });
    const data = 'x,y\n1,\n2,b\n3,c\n0,\n0,\n';
    const passing = await validate({ csv: data, schema, quality_checks: [check('> 34%')] });
    expect(passing.result?.checks.at(-1)).toMatchObject({ status: 'passed', failing_rows: 1 });
    const failed = await validate({ csv: data, schema, quality_checks: [check('> 33%')] });
    expect(failed.error).toMatchObject({ code: 'CHECK_FAILED' });
  });

  it.each<[string, number, number, boolean]>([
    ['> 0', 0, 10, false],
    ['> 0', 1, 10, true],
    ['>= 1', 1, 10, true],
    ['> 5%', 5, 100, false],
    ['> 5%', 6, 100, true],
    ['>= 5%', 5, 100, true],
    ['> 0.1%', 1, 1000, false],
    ['>0.000000001 %', 1, 100_000_000_000, false],
    ['> 0%', 0, 0, false],
    ['>= 0%', 0, 0, false],
    ['> 33.333333333%', 1, 3, true],
  ])('%s of %d in %d rows: %s', (text, count, rows, is) => {
    expect(reaches(parseThreshold(text), count, rows)).toBe(is);
  });

  it.each(['5', '< 5', '> -1', '> 101%', '> 1.5', '>', '> 5 percent', '> 1e3', ''])('is not %j', (text) => {
    const found = threshold().safeParse(text);
    expect(found.error?.issues[0]?.message).toContain('expected a number of rows or a percentage');
  });
});

describe('a policy', () => {
  const policy = (onFailure: 'fail' | 'warn' | 'continue', queue = false) => ({ onFailure, queue });

  it.each<[Parameters<typeof judgedBy>[1], object, string, string]>([
    [policy('fail'), {}, 'reject', 'failed'],
    [policy('warn'), {}, 'warn', 'warned'],
    [policy('continue', true), {}, 'reject', 'warned'],
    [policy('fail'), { on_failure: 'warn' }, 'warn', 'warned'],
    [policy('warn'), { on_failure: 'fail' }, 'reject', 'failed'],
    [policy('fail'), { fail_when: '> 5' }, 'warn', 'passed'],
    [policy('continue', true), { fail_when: '> 5' }, 'reject', 'warned'],
    [policy('warn'), { fail_when: '> 1' }, 'warn', 'warned'],
  ])('%j with %j: severity %s, status %s of two failing rows', (given, settings, severity, status) => {
    const judged = judgedBy('r', given, settings);
    expect([judged.severity, judge(judged, 2, 10)]).toEqual([severity, status]);
  });

  it('of records that are no rows always rejects', () => {
    expect(judgedBroken('type', policy('warn'))).toMatchObject({ severity: 'reject', onFailure: 'fail' });
    expect(judgedBroken('type', policy('warn', true))).toMatchObject({ onFailure: 'continue' });
    const kept = judgedBroken('type', policy('fail'), { fail_when: '> 5' });
    expect([kept.severity, judge(kept, 1, 10)]).toEqual(['reject', 'failed']);
  });
});

describe('rows that are quarantined', () => {
  it('are counted apart in the row balance', async () => {
    const deps = createTestDeps(undefined, { checks: [...checks, positive as Check<unknown>] });
    const given = { csv, schema, quality_checks: [ofX()], queue: true };
    await stageAll(
      given,
      async ({ plan, context }) => {
        const found = await rehearseRun(deps, run, plan.config, context);
        expect(found.counts).toMatchObject({ read: 6, rejected: 0, quarantined: 3, output: 3 });
      },
      deps,
    );
  });
});
