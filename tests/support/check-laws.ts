/** The laws of checks, over whatever check is given. */
import { deepStrictEqual, ok } from 'node:assert';
import { RECORD_COLUMN } from '../../pipeline/columns';
import type {
  Check,
  CheckTables,
  CheckVerdict,
  DatasetCheck,
  GlobalCheck,
  RowCheck,
} from '../../plugin/check';
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
  /** The rows of every reference. */
  reference?: { schema: Schema; rows: readonly TextRow[] };
  /** States of earlier runs. */
  earlier?: readonly unknown[];
}

interface Probe {
  rows: readonly RowCheck[];
  datasets: readonly DatasetCheck[];
  globals: readonly GlobalCheck[];
  given: CheckCase;
  /** What verdicts may depend on, besides the rows. */
  context: { nowMs: number; earlier: readonly unknown[] };
  /** The state of a dataset check over rows. */
  measure(check: DatasetCheck, rows: readonly TextRow[]): Promise<unknown>;
}

export const LAWS = {
  'what is compiled is the same each time, and names columns that there are': (probe) => {
    const { given, rows, datasets, globals } = probe;
    const again = given.check.compile(given.options, given.schema);
    deepStrictEqual(JSON.stringify(again), JSON.stringify([...rows, ...datasets, ...globals]));
    const names = given.schema.map(({ name }) => name);
    for (const { column } of rows) ok(column === null || names.includes(column), `column ${column}`);
    for (const { columns } of [...datasets, ...globals])
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
    const { given, datasets, measure, context } = probe;
    for (const check of datasets) {
      const whole = check.verdict(await measure(check, given.parts.flat()), context);
      const states = [];
      for (const part of given.parts) states.push(await measure(check, part));
      const [forth, back] = [states, [...states].reverse()].map((order) =>
        check.verdict(
          order.reduce((sum, state) => check.merge(sum, state), check.empty),
          context,
        ),
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
  'a failing verdict says what was found': async (probe) => {
    const { given, datasets, globals, measure, context } = probe;
    const verdicts: CheckVerdict[] = [];
    for (const check of datasets)
      verdicts.push(check.verdict(await measure(check, given.parts.flat()), context));
    for (const check of globals) verdicts.push(await judge(check, given, given.parts));
    for (const { status, message = '' } of verdicts)
      ok(status === 'passed' || message.length > 0, 'failed without a message');
  },
  'all rows at once have one verdict, in whatever order they come': async ({ given, globals }) => {
    for (const check of globals) {
      const forth = await judge(check, given, given.parts);
      deepStrictEqual(await judge(check, given, given.parts, true), forth);
      deepStrictEqual(await judge(check, given, [given.parts.flat()]), forth);
      // It has a verdict of no rows, too.
      ok(['passed', 'failed'].includes((await judge(check, given, [])).status));
    }
  },
  'the rows that fail are named, each once': async ({ given, globals }) => {
    for (const check of globals) {
      if (!check.failing) continue;
      const tables = tablesOf(given, given.parts);
      const { failing_rows } = await judge(check, given, given.parts);
      const sql = `SELECT ${ident(RECORD_COLUMN)} FROM (${check.failing(tables)})`;
      const named = (await inDuckdb((db) => textRows(db, sql))).map(([record]) => Number(record));
      const rows = given.parts.flat().length;
      ok(
        named.every((record) => record >= 0 && record < rows),
        'a record that there is not',
      );
      deepStrictEqual([new Set(named).size, named.length], [failing_rows, failing_rows]);
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
    globals: compiled.filter((check) => check.scope === 'global'),
    context: { nowMs: NOW_MS, earlier: given.earlier ?? [] },
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

export const NOW_MS = Date.UTC(2026, 10, 27);

/** @param back the parts come in the opposite order; records keep their numbers */
export async function judge(
  check: GlobalCheck,
  given: CheckCase,
  parts: CheckCase['parts'],
  back = false,
): Promise<CheckVerdict> {
  const query = check.measure(tablesOf(given, parts, back));
  const measured = await inDuckdb((db) => db.one(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${query})`));
  return check.verdict(measured as Record<string, string | null>);
}

function tablesOf({ schema, reference }: CheckCase, parts: CheckCase['parts'], back = false): CheckTables {
  let first = 0;
  const selects = parts.map((rows) => {
    first += rows.length;
    return relationOf(schema, rows, first - rows.length);
  });
  if (selects.length === 0) selects.push(relationOf(schema, []));
  if (back) selects.reverse();
  const other = reference && {
    rows: `(${relationOf(reference.schema, reference.rows)})`,
    schema: reference.schema,
  };
  return {
    rows: `(${selects.join(' UNION ALL ')})`,
    references: other ? { reference: other, control: other } : {},
  };
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
