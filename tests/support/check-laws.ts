/** The laws of checks, over whatever check is given. */
import { deepStrictEqual, ok } from 'node:assert';
import type { Check, DatasetCheck, RowCheck } from '../../plugin/check';
import { ident } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import { inDuckdb, relationOf, textRows, type TextRow } from './rows';

/** A check with rows that it is about. */
export interface CheckCase {
  check: Check<unknown>;
  options: unknown;
  schema: Schema;
  /** Several parts; together they are the input. */
  parts: readonly (readonly TextRow[])[];
}

interface Probe {
  rows: readonly RowCheck[];
  datasets: readonly DatasetCheck[];
  given: CheckCase;
  /** The state of a dataset check over rows. */
  measure(check: DatasetCheck, rows: readonly TextRow[]): Promise<unknown>;
}

export const LAWS = {
  'what is compiled is the same each time, and names columns that there are': ({ given, rows, datasets }) => {
    const again = given.check.compile(given.options, given.schema);
    deepStrictEqual(JSON.stringify(again), JSON.stringify([...rows, ...datasets]));
    const names = given.schema.map(({ name }) => name);
    for (const { column } of rows) ok(column === null || names.includes(column), `column ${column}`);
    for (const { columns } of datasets)
      for (const name of columns) ok(names.includes(name), `column ${name}`);
  },
  'a row fails or does not, by itself alone': async ({ given, rows }) => {
    const all = given.parts.flat();
    for (const check of rows) {
      const together = await failing(check, given.schema, all);
      const apart = [];
      for (const row of all) apart.push(...(await failing(check, given.schema, [row])));
      deepStrictEqual(together, apart);
    }
  },
  'a state is plain JSON': async ({ given, datasets, measure }) => {
    for (const check of datasets) {
      const state = await measure(check, given.parts.flat());
      deepStrictEqual(JSON.parse(JSON.stringify(state)), state);
    }
  },
  'the merged states of parts give the verdict of all rows, in whatever order': async (probe) => {
    const { given, datasets, measure } = probe;
    for (const check of datasets) {
      const whole = check.verdict(await measure(check, given.parts.flat()));
      const states = [];
      for (const part of given.parts) states.push(await measure(check, part));
      const [forth, back] = [states, [...states].reverse()].map((order) =>
        check.verdict(order.reduce((sum, state) => check.merge(sum, state), check.empty)),
      );
      deepStrictEqual(forth, whole);
      deepStrictEqual(back, whole);
    }
  },
  'no rows change nothing': async ({ given, datasets, measure }) => {
    for (const check of datasets) {
      const state = await measure(check, given.parts.flat());
      deepStrictEqual(check.merge(state, check.empty), state);
      deepStrictEqual(check.merge(check.empty, state), state);
      deepStrictEqual(await measure(check, []), check.empty);
    }
  },
  'a failing verdict says what was found': async ({ given, datasets, measure }) => {
    for (const check of datasets) {
      const { status, message = '' } = check.verdict(await measure(check, given.parts.flat()));
      ok(status === 'passed' || message.length > 0, 'failed without a message');
    }
  },
} satisfies Record<string, (probe: Probe) => Promise<void> | void>;

export type Law = keyof typeof LAWS;

/** The laws that a check breaks. */
export async function brokenLaws(given: CheckCase): Promise<Law[]> {
  const compiled = given.check.compile(given.options, given.schema);
  const probe: Probe = {
    given,
    rows: compiled.filter((check) => check.scope === 'row'),
    datasets: compiled.filter((check) => check.scope === 'dataset'),
    measure: (check, rows) => measureRows(check, given.schema, rows),
  };
  const broken: Law[] = [];
  for (const law of Object.keys(LAWS) as Law[]) {
    try {
      await LAWS[law](probe);
    } catch {
      broken.push(law);
    }
  }
  return broken;
}

async function failing(check: RowCheck, schema: Schema, rows: readonly TextRow[]): Promise<boolean[]> {
  const sql = `SELECT coalesce(${check.fails}, false) FROM (${relationOf(schema, rows)}) ORDER BY "_flexetl_record"`;
  return (await inDuckdb((db) => textRows(db, sql))).map(([fails]) => fails === 'true');
}

async function measureRows(check: DatasetCheck, schema: Schema, rows: readonly TextRow[]): Promise<unknown> {
  const terms = Object.entries(check.measure).map(([name, sql]) => `${sql} AS ${ident(name)}`);
  const query = `SELECT ${terms.join(', ')} FROM (${relationOf(schema, rows)})`;
  const [values = []] = await inDuckdb((db) => textRows(db, query));
  return check.read(
    Object.fromEntries(Object.keys(check.measure).map((name, index) => [name, values[index] ?? null])),
  );
}
