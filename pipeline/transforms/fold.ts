/**
 * Grouping rows while they are read, without staging them first.
 *
 * A source of one chunk whose rows are only dropped and filtered before they are grouped needs no staged rows: the
 * groups are a fraction of them, and writing every row costs as much as grouping it. A row is marked with the
 * boundary that it reaches, rows that fall out early form groups of their own by that mark alone, and so the ledger
 * is counted in the same pass. What this cannot do right, it does not do: see {@link Fold.checkSql}.
 * A date that is only grouped by becomes a date once for each group: it has but one spelling, so texts group the same,
 * and checking each of them would be an eighth of the work of the query.
 */
import type { TransformPlan, UnorderedPlan } from '../../plugin/transform';
import { columnList, REACHED_COLUMN, ROWS_COLUMN, union } from '../columns';
import { REJECTED_COLUMN as MISFIT_COLUMN } from '../columns';
import { castDate, ident } from '../sql';
import { neededAtBoundaries, type PlannedStep } from './plan';

/** What the rows that do not fit their columns reach. */
const MISFIT = -1;

export interface Fold {
  /** Place of the grouping step, which is also the boundary before it. */
  index: number;
  keys: readonly string[];
  /** Columns that must hold one value in each group. */
  uniform: readonly string[];
  /** Keys of type date that nothing looks at before the groups are made. */
  dates: readonly string[];
  /**
   * The groups, to be staged.
   * @param rows a relation of typed rows with their misfit mark, in any order; {@link dates} are texts in it
   */
  sql(rows: string): string;
  /**
   * One row about the staged groups: `rows` read, `misfits` among them, and `uniform`, which is false where a column
   * that had to hold one value in each group does not: then the order of records counts, and the groups are wrong.
   */
  checkSql(groups: string): string;
}

/** @returns undefined where rows have to be staged */
export function planFold(planned: readonly PlannedStep[]): Fold | undefined {
  const index = planned.findIndex(({ plan }) => plan.scope === 'global');
  const step = planned[index];
  const before = planned.slice(0, index);
  const unordered = step?.plan.unordered;
  if (!unordered || !before.every(({ plan }) => plan.keeps !== undefined)) return undefined;
  const needed = neededAtBoundaries(planned, planned.at(-1)?.plan.schema.map(({ name }) => name) ?? []);
  const there = needed[index] ?? new Set();
  // The keys tell groups apart and in which order they stand, also where nothing else needs them.
  const outputs = columnList(step.plan.schema, union(needed[index + 1] ?? [], unordered.keys));
  const uniform = unordered.uniform(there);
  const dates = datesAtTheEnd(step.plan, unordered, before, there);
  return {
    index,
    keys: unordered.keys,
    uniform,
    dates,
    sql: (rows) => {
      const marked = `(SELECT *, ${reachedSql(before, index)} AS ${ident(REACHED_COLUMN)} FROM (${rows}))`;
      const grouped = unordered.select(
        `(SELECT ${inputTerms(there, [...unordered.keys, ...uniform], dates, index)} FROM ${marked})`,
        there,
        REACHED_COLUMN,
      );
      return `SELECT ${[...outputs, ident(ROWS_COLUMN), ident(REACHED_COLUMN)].join(', ')} FROM ${withDates(`(${grouped})`, dates)}`;
    },
    checkSql: (groups) => {
      const rowsOf = (filter: string): string => `coalesce(sum(${ident(ROWS_COLUMN)})${filter}, 0)::DOUBLE`;
      const misfits = rowsOf(` FILTER (${ident(REACHED_COLUMN)} = ${MISFIT})`);
      const complete = `${ident(REACHED_COLUMN)} = ${index}`;
      const keys = unordered.keys.map(ident).join(', ');
      const distinct = `(SELECT count(*) FROM (SELECT 1 FROM ${groups} WHERE ${complete} GROUP BY ${keys}))`;
      const isUniform = uniform.length === 0 ? 'true' : `count(*) FILTER (${complete}) = ${distinct}`;
      return `SELECT ${rowsOf('')} AS "rows", ${misfits} AS misfits, ${isUniform} AS uniform FROM ${groups}`;
    },
  };
}

/** The first step that does not keep a row is as far as it comes. */
function reachedSql(before: readonly PlannedStep[], index: number): string {
  const falls = before.map(({ plan }, boundary) => `WHEN (${plan.keeps}) IS NOT TRUE THEN ${boundary}`);
  return `CAST(CASE WHEN ${MISFIT_COLUMN} THEN ${MISFIT} ${falls.join(' ')} ELSE ${index} END AS SMALLINT)`;
}

/**
 * What rows are grouped by is null where they do not come so far: they need one group, not one for each key. Their dates
 * stay, for a text that is none does not fit wherever its row falls out.
 */
function inputTerms(
  there: ReadonlySet<string>,
  groupedBy: readonly string[],
  dates: readonly string[],
  index: number,
): string {
  const terms = [...there].map((name) => {
    if (!groupedBy.includes(name) || dates.includes(name)) return ident(name);
    return `CASE WHEN ${ident(REACHED_COLUMN)} = ${index} THEN ${ident(name)} END AS ${ident(name)}`;
  });
  return [...terms, ident(REACHED_COLUMN)].join(', ');
}

function datesAtTheEnd(
  { schema }: TransformPlan,
  unordered: UnorderedPlan,
  before: readonly PlannedStep[],
  there: ReadonlySet<string>,
): string[] {
  const conditions = before.filter(({ plan }) => !plan.keepsByNulls);
  const lookedAt = union(unordered.computed(there), ...conditions.map(({ plan }) => plan.needs(new Set())));
  return schema
    .filter(({ name, type }) => type.kind === 'date' && unordered.keys.includes(name) && !lookedAt.has(name))
    .map(({ name }) => name);
}

/** Makes dates of the texts of groups; the rows of a group whose text is none do not fit. */
function withDates(groups: string, dates: readonly string[]): string {
  if (dates.length === 0) return groups;
  const date = (name: string): string => castDate(ident(name));
  const isMisfit = dates.map((name) => `(${ident(name)} IS NOT NULL AND ${date(name)} IS NULL)`).join(' OR ');
  const replaced = [
    ...dates.map((name) => `${date(name)} AS ${ident(name)}`),
    `CASE WHEN ${isMisfit} THEN ${MISFIT}::SMALLINT ELSE ${ident(REACHED_COLUMN)} END AS ${ident(REACHED_COLUMN)}`,
  ];
  return `(SELECT * REPLACE (${replaced.join(', ')}) FROM ${groups})`;
}

/** Tells by a sample of records whether folding is worth the try; a wrong guess costs a pass, never a number. */
export function looksUniform(
  { keys, uniform }: Pick<Fold, 'keys' | 'uniform'>,
  columns: readonly string[],
  sample: readonly (readonly (string | null)[])[],
): boolean {
  const pick = (record: readonly (string | null)[], names: readonly string[]): string =>
    JSON.stringify(names.map((name) => record[columns.indexOf(name)] ?? null));
  const seen = new Map<string, string>();
  return sample.every((record) => {
    const key = pick(record, keys);
    const values = pick(record, uniform);
    const before = seen.get(key);
    seen.set(key, values);
    return before === undefined || before === values;
  });
}
