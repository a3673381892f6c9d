/** The laws of transforms, over whatever transform is given. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import fc from 'fast-check';
import { findImbalances, bookRows } from '../../pipeline/row-balance';
import { transforms } from '../../pipeline/transforms/index';
import { columnsNeeded, planTransforms } from '../../pipeline/transforms/plan';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, type Schema } from '../../pipeline/types';
import type { Transform } from '../../plugin/transform';
import { parseStepOf, transformRows, type Step, type Transformed, type TextRow } from './rows';

export const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
  { name: 'price', type: decimal(18, 2) },
  { name: 'weight', type: FLOAT },
  { name: 'day', type: DATE },
  { name: 'ok', type: BOOLEAN },
];

const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 5 });

/** Rows of {@link SCHEMA}. */
export const anyRows: fc.Arbitrary<TextRow[]> = fc.array(
  fc.tuple(
    nullable(fc.integer({ min: -3, max: 5 }).map(String)),
    nullable(fc.constantFrom('a', 'b', 'A', '', "it's", ' b ')),
    nullable(fc.integer({ min: -400, max: 400 }).map((cents) => (cents / 100).toFixed(2))),
    nullable(fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map(String)),
    nullable(fc.constantFrom('2026-01-01', '2026-01-02')),
    nullable(fc.boolean().map(String)),
  ),
  { maxLength: 60 },
);

/** A use of a transform; `also` has it, where it is not one of FlexETL. */
export interface TransformCase {
  step: Step;
  also?: readonly Transform<unknown>[];
}

/** To make a failing case smaller takes longer than to look at it. */
const RUNS = { numRuns: 6, endOnFailure: true };

type Run = (
  steps: readonly Step[],
  rows: readonly TextRow[],
  cut?: { threads: number; partRows?: number },
) => Promise<Transformed>;

export const LAWS = {
  'every number of threads and every cut into parts give the same rows': ({ step }, run) =>
    fc.assert(
      fc.asyncProperty(anyRows, fc.integer({ min: 1, max: 20 }), async (rows, partRows) => {
        const whole = await run([step], rows, { threads: 1 });
        const cut = await run([step], rows, { threads: 4, partRows });
        deepStrictEqual(cut.rows, whole.rows);
        deepStrictEqual(cut.steps, whole.steps);
      }),
      RUNS,
    ),
  'every row is counted, also among steps that change nothing': ({ step }, run) =>
    fc.assert(
      fc.asyncProperty(anyRows, async (rows) => {
        const idle = { type: 'filter', column: 'id', operator: 'not_in', value: [-999] };
        const among = [{ type: 'sort', by: ['id'] }, idle, step, { type: 'derive', columns: { extra: '1' } }];
        for (const steps of [[step], among]) {
          const found = await run(steps, rows);
          const booked = bookRows(rows.length, 0, found.steps, found.rows.length);
          deepStrictEqual(findImbalances(booked, found.steps, []), []);
        }
      }),
      RUNS,
    ),
  'it reads only columns that are there, and names them the same each time': ({ step, also = [] }) => {
    const all = [...transforms, ...also];
    const planOnce = () => planTransforms([parseStepOf(also, step)], SCHEMA, all);
    const [planned] = planOnce();
    ok(planned);
    const names = SCHEMA.map(({ name }) => name);
    const assertThere = (needed: Iterable<string>): void => {
      for (const name of needed) ok(names.includes(name), `it reads ${name}`);
    };
    for (const { name } of planned.plan.schema) assertThere(planned.plan.columnsRead(new Set([name])));
    assertThere(columnsNeeded([planned], names));
    deepStrictEqual(planOnce()[0]?.plan.schema, planned.plan.schema);
    strictEqual(planOnce()[0]?.plan.select('t', new Set(names)), planned.plan.select('t', new Set(names)));
  },
} satisfies Record<string, (given: TransformCase, run: Run) => Promise<void> | void>;

export type Law = keyof typeof LAWS;

/** The laws that a use of a transform breaks, each with what was found. */
export async function brokenLaws(given: TransformCase, laws = Object.keys(LAWS) as Law[]): Promise<string[]> {
  const run: Run = (steps, rows, cut = { threads: 2 }) =>
    transformRows(steps, SCHEMA, rows, { ...cut, ...(given.also && { also: given.also }) });
  const broken: string[] = [];
  for (const law of laws) {
    try {
      await LAWS[law](given, run);
    } catch (error) {
      broken.push(`${law}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return broken;
}
