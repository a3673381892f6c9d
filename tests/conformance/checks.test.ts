/** The laws of checks, for every check in the list, for two of a user's own, and for one that breaks each law. */
import { z } from 'zod';
import { checks } from '../../pipeline/checks/index';
import { INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import {
  defineCheck,
  type Check,
  type DatasetCheck,
  type GlobalCheck,
  type RowCheck,
} from '../../plugin/check';
import { brokenLaws, LAWS, type CheckCase, type Law } from '../support/check-laws';
import { noteCaught, noteLaws } from '../support/conformance-table';

const schema: Schema = [
  { name: 'shop', type: STRING },
  { name: 'amount', type: INTEGER },
  { name: 'at', type: TIMESTAMP },
];
const parts = [
  [
    ['a', '1', '2026-11-26 12:00:00'],
    ['b', null, null],
    [null, '-3', '2026-11-26 11:59:59.999'],
  ],
  [],
  [
    ['a', '40', '2026-11-01 00:00:00'],
    ['c', null, null],
  ],
];
const reference = {
  schema: schema.slice(0, 2),
  rows: [
    ['a', '38'],
    ['c', null],
    ['d', '0'],
  ],
};

/** Options for each check; a new check adds its line. */
const OPTIONS: Record<string, unknown> = {
  aggregate: { expression: 'sum(amount) / count_distinct(shop)', min: 13 },
  foreign_key: { columns: ['shop'], reference: { source: { type: 'csv' } } },
  freshness: { column: 'at', max_age: '11h' },
  no_duplicates: { columns: ['shop'] },
  expression: { expression: "amount > 0 or shop = 'b'" },
  null_check: { columns: ['shop', 'amount'], max_null_percentage: 25 },
  range: { columns: ['amount'], min: 0, max: '39.5' },
  reconcile: {
    expression: 'sum(amount)',
    control: { source: { type: 'csv' }, value: 'sum(amount)' },
    tolerance: 0,
  },
  row_count: { min: 6 },
};

/** A row check as a user writes it. */
const atLeast = defineCheck({
  type: 'fake_at_least',
  description: 'A column is not below a number.',
  options: z.strictObject({ column: z.string(), min: z.int() }),
  compile: ({ column, min }) => [
    { scope: 'row', column, fails: `"${column}" < ${min}`, reason: `below ${min}` },
  ],
});

interface Range {
  low: number | null;
  high: number | null;
}

const least = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** A dataset check as a user writes it. */
const range: DatasetCheck<Range> = {
  scope: 'dataset',
  columns: ['amount'],
  measure: { low: 'min(amount)', high: 'max(amount)' },
  read: ({ low, high }) => ({
    low: low == null ? null : Number(low),
    high: high == null ? null : Number(high),
  }),
  merge: (a, b) => ({
    low: least(a.low, b.low),
    high: a.high === null || b.high === null ? (a.high ?? b.high) : Math.max(a.high, b.high),
  }),
  empty: { low: null, high: null },
  verdict: ({ low, high }) =>
    (high ?? 0) - (low ?? 0) <= 10
      ? { status: 'passed', failing_rows: 0 }
      : { status: 'failed', failing_rows: 0, message: `amounts from ${low} to ${high}` },
};

const caseOf = (check: Check<unknown>, options: unknown = {}): CheckCase => ({
  check,
  options,
  schema,
  parts,
  reference,
});

/** A check of all rows at once as a user writes it. */
const global: GlobalCheck = {
  scope: 'global',
  columns: ['amount'],
  failing: ({ rows }) => `SELECT _flexetl_record FROM ${rows} WHERE amount < 0`,
  measure: ({ rows }) => `SELECT count(*) FILTER (amount < 0) AS failing FROM ${rows}`,
  verdict: ({ failing }) =>
    failing === '0'
      ? { status: 'passed', failing_rows: 0 }
      : { status: 'failed', failing_rows: Number(failing), message: `${failing} amounts are below 0` },
};

function fake(...compiled: (RowCheck | DatasetCheck<Range> | GlobalCheck)[]): Check<unknown> {
  const all = compiled as (RowCheck | DatasetCheck | GlobalCheck)[];
  return { type: 'fake', description: 'A check.', options: z.strictObject({}), compile: () => all };
}

async function expectLawful(given: CheckCase): Promise<void> {
  const broken = await brokenLaws(given);
  const scopes = given.check.compile(given.options, given.schema).map(({ scope }) => scope);
  const OF: Partial<Record<Law, readonly string[]>> = {
    'a row fails or does not, by itself alone': ['row'],
    'a state is plain JSON': ['dataset'],
    'the merged states of parts give the verdict of all rows, in whatever order': ['dataset'],
    'no rows change nothing': ['dataset'],
    'a failing verdict says what was found': ['dataset', 'global'],
    'all rows at once have one verdict, in whatever order they come': ['global'],
    'the rows that fail are named, each once': ['global'],
  };
  const concerns = (law: string): boolean => {
    const of = OF[law as Law];
    return of === undefined || scopes.some((scope) => of.includes(scope));
  };
  noteLaws('checks', given.check.type, Object.keys(LAWS), broken, concerns);
  expect(broken).toEqual([]);
}

describe('every check', () => {
  it.each(checks.map((check) => [check.type, check] as const))('keeps the laws: %s', async (type, check) => {
    await expectLawful(caseOf(check, OPTIONS[type]));
  });

  it('of a user keeps them too', async () => {
    await expectLawful(caseOf(atLeast as Check<unknown>, { column: 'amount', min: 0 }));
    await expectLawful(caseOf({ ...fake(range), type: 'fake_range' }));
    await expectLawful(caseOf({ ...fake(global), type: 'fake_global' }));
  });
});

describe('a check that breaks a law', () => {
  const LAWLESS: Record<Law, Check<unknown>> = {
    'what is compiled is the same each time, and names columns that there are': fake({
      ...range,
      columns: ['amounts'],
    }),
    'a row fails or does not, by itself alone': fake({
      scope: 'row',
      column: 'amount',
      fails: 'count(*) OVER () > 1',
      reason: 'not alone',
    }),
    'a state is plain JSON': fake({
      ...range,
      read: (measured) => ({ ...range.read(measured), at: new Date() }),
    }),
    'the merged states of parts give the verdict of all rows, in whatever order': fake({
      ...range,
      merge: (a) => a,
    }),
    'no rows change nothing': fake({ ...range, empty: { low: 0, high: 0 } }),
    'a failing verdict says what was found': fake({
      ...range,
      verdict: () => ({ status: 'failed' as const, failing_rows: 0 }),
    }),
    'all rows at once have one verdict, in whatever order they come': fake({
      ...global,
      measure: ({ rows }) => `SELECT first(amount) AS failing FROM ${rows}`,
    }),
    'the rows that fail are named, each once': fake({
      ...global,
      failing: ({ rows }) => `SELECT 0 AS _flexetl_record FROM ${rows}`,
    }),
  };

  it.each(Object.keys(LAWS) as Law[])('is found out: %s', async (law) => {
    expect(await brokenLaws(caseOf(LAWLESS[law]))).toContain(law);
    noteCaught('checks', law);
  });
});
