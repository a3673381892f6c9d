/** From the plans of steps to the SQL that runs them over staged parts. */
import { columnList, RECORD_COLUMN, ROWS_COLUMN } from '../columns';
import { FlexetlError } from '../errors';
import { ident, sqlType } from '../sql';
import { stageTerms } from '../stage-sql';
import type { Schema } from '../types';
import { countGroups, groupsOf } from './partial-groups';
import { neededAtBoundaries, outputSchema, type PlannedStep } from './plan';

/** A result column that holds the rows between two steps: `boundary` 0 is before step 0, 1 is after it. */
export interface BoundaryCount {
  boundary: number;
  column: string;
}

export interface TransformStatement {
  sql: string;
  /** The same in exact arithmetic, to be run when `sql` fails with VALUE_OVERFLOW. */
  exactSql?: string;
  /** The statement returns one row with these counts. Two counts of one boundary must agree. */
  counts: readonly BoundaryCount[];
}

/** The input of the steps: parts staged as rows, parts staged as partial groups, or both. */
export interface TransformInput {
  /** A query of rows with the needed columns of the schema and record numbers, ordered by these. */
  rows?: string | undefined;
  /** A relation of the partial groups of parts, see `partial-groups.ts`, with record numbers. */
  groups?: string | undefined;
}

export interface TransformSql {
  /** To be run in order, in one session. */
  statements: readonly TransformStatement[];
  /**
   * The transformed rows in order, for COPY, with columns named by their places; their number is the count of the last
   * boundary.
   */
  output: string;
}

/**
 * The SQL of all steps: consecutive row steps are a chain of CTEs, evaluated in one pass; a step that needs all
 * rows ends a chain, and becomes a temporary table if more steps follow or its rows must be counted.
 * @param input of one run; without rows and groups, there are no parts
 * @param schema the columns before the first step
 */
export function planTransformSql(
  planned: readonly PlannedStep[],
  input: TransformInput,
  schema: Schema,
): TransformSql {
  const last = outputSchema(planned, schema);
  const needed = neededAtBoundaries(
    planned,
    last.map(({ name }) => name),
  );
  const statements: TransformStatement[] = [];
  let source = input.rows ?? emptySql(schema);
  let chain: PlannedStep[] = [];
  let previous: string | undefined;
  const chained = (boundary: number): RowChain => rowStepsSql(chain, source, needed, boundary - chain.length);
  for (const step of planned) {
    if (step.plan.scope === 'row') {
      chain.push(step);
      continue;
    }
    const before = chained(step.index);
    const there = needed[step.index] ?? new Set();
    const rows =
      previous === undefined && input.groups !== undefined
        ? withGroups(before, step, input.groups, there)
        : { ...before, select: (fast: boolean) => step.plan.select(before.output, there, fast) };
    statements.push(rows.count);
    const after = needed[step.index + 1] ?? new Set();
    if (step.index === planned.length - 1 && !step.plan.countsRows) {
      return { statements, output: globalSql(step, rows, stageTerms(step.plan.schema), false) };
    }
    const table = ident(`_flexetl_table_${step.index}`);
    const columns = columnList(step.plan.schema, after);
    statements.push(createTable(table, step, rows, columns), countTable(table, step));
    if (previous !== undefined) statements.push({ sql: `DROP TABLE ${previous}`, counts: [] });
    previous = table;
    source = `SELECT ${[...columns, `row_number() OVER () - 1 AS ${ident(RECORD_COLUMN)}`].join(', ')} FROM ${table}`;
    chain = [];
  }
  const rows = chained(planned.length);
  // The rows of the last table are counted already.
  if (chain.length > 0 || previous === undefined) statements.push(rows.count);
  return { statements, output: `${rows.with} SELECT ${stageTerms(last).join(', ')} FROM ${rows.output}` };
}

interface RowChain {
  /** `WITH …`: the relation before the first step and after each. */
  with: string;
  /** Name of the last relation. */
  output: string;
  count: TransformStatement;
}

/** @param first the boundary before the first of the steps */
function rowStepsSql(
  steps: readonly PlannedStep[],
  input: string,
  needed: readonly ReadonlySet<string>[],
  first: number,
): RowChain {
  const relation = (boundary: number): string => ident(`_flexetl_${boundary}`);
  const relations = [`${relation(first)} AS NOT MATERIALIZED (${input})`];
  for (const { index, plan } of steps) {
    const rows = plan.select(relation(index), needed[index] ?? new Set());
    relations.push(`${relation(index + 1)} AS NOT MATERIALIZED (${rows})`);
  }
  const chain = `WITH ${relations.join(', ')}`;
  const { counts, scans } = planCounts(steps, first, relation);
  const sql = `${chain} SELECT * FROM ${scans.map((scan, index) => `(${scan}) AS _flexetl_scan_${index}`).join(', ')}`;
  return { with: chain, output: relation(first + steps.length), count: { sql, counts } };
}

/** Consecutive filters are counted in one scan, each with the conditions of those before it. */
function planCounts(
  steps: readonly PlannedStep[],
  first: number,
  relation: (boundary: number) => string,
): { counts: BoundaryCount[]; scans: string[] } {
  const name = (boundary: number): string => `rows_${boundary}`;
  const counts: BoundaryCount[] = [{ boundary: first, column: name(first) }];
  const scans: { from: string; terms: string[] }[] = [
    { from: relation(first), terms: [`count(*) AS ${name(first)}`] },
  ];
  let conditions: string[] = [];
  let from = first;
  for (const { index, plan } of steps) {
    const boundary = index + 1;
    if (!plan.removes) {
      counts.push({ boundary, column: counts.at(-1)?.column ?? name(boundary) });
      conditions = [];
      from = boundary;
      continue;
    }
    if (plan.keeps === undefined) {
      scans.push({ from: relation(boundary), terms: [`count(*) AS ${name(boundary)}`] });
      conditions = [];
      from = boundary;
    } else {
      conditions.push(`(${plan.keeps})`);
      const term = `count(*) FILTER (WHERE ${conditions.join(' AND ')}) AS ${name(boundary)}`;
      const scan = scans.at(-1);
      if (scan?.from === relation(from)) scan.terms.push(term);
      else scans.push({ from: relation(from), terms: [term] });
    }
    counts.push({ boundary, column: name(boundary) });
  }
  return {
    counts,
    scans: scans.map(({ from: source, terms }) => `SELECT ${terms.join(', ')} FROM ${source}`),
  };
}

/** The input of a step over all rows. */
interface GlobalInput {
  with: string;
  count: TransformStatement;
  /** The step over it. */
  select(fast: boolean): string;
}

/** Rows and partial groups as one input. The count of a boundary is the sum of both. */
function withGroups(
  rows: RowChain,
  { index, plan: { partial } }: PlannedStep,
  groups: string,
  columns: ReadonlySet<string>,
): GlobalInput {
  if (!partial)
    throw new FlexetlError('INTERNAL', { message: `Step ${index} does not merge partial groups.` });
  const counts = rows.count.counts.map(({ boundary, column }) => ({
    boundary,
    column: `rows_${boundary}`,
    from: column,
  }));
  const sums = counts.map(({ from, column }) => `of_rows.${from} + of_groups.${column} AS ${column}`);
  const ofGroups = countGroups(
    groups,
    counts.map(({ boundary }) => boundary),
  );
  return {
    with: rows.with,
    count: {
      sql: `SELECT ${sums.join(', ')} FROM (${rows.count.sql}) AS of_rows, (${ofGroups}) AS of_groups`,
      counts,
    },
    select: (fast) =>
      partial.merge(groupsOf(partial, index, groups, rows.output, columns, fast), columns, fast),
  };
}

/** A step over all rows, in its order. */
function globalSql(
  { plan }: PlannedStep,
  input: GlobalInput,
  columns: readonly string[],
  fast: boolean,
): string {
  const order = plan.orderBy === undefined ? '' : ` ORDER BY ${plan.orderBy}`;
  return `${input.with} SELECT ${columns.join(', ')} FROM (${input.select(fast)})${order}`;
}

function createTable(
  table: string,
  step: PlannedStep,
  input: GlobalInput,
  columns: readonly string[],
): TransformStatement {
  // A table needs a column, even if only its rows are counted.
  const counted = step.plan.countsRows ? ident(ROWS_COLUMN) : `1 AS ${ident(ROWS_COLUMN)}`;
  const create = (fast: boolean): string =>
    `CREATE TEMP TABLE ${table} AS ${globalSql(step, input, [...columns, counted], fast)}`;
  const [fastSql, exactSql] = [create(true), create(false)];
  return fastSql === exactSql ? { sql: fastSql, counts: [] } : { sql: fastSql, exactSql, counts: [] };
}

/** Counts the rows of the table and, for groups, the rows that they stand for. */
function countTable(table: string, { index, plan }: PlannedStep): TransformStatement {
  const counts = [{ boundary: index + 1, column: `rows_${index + 1}` }];
  const terms = [`count(*) AS rows_${index + 1}`];
  if (plan.countsRows) {
    counts.push({ boundary: index, column: `rows_${index}` });
    terms.push(`CAST(coalesce(sum(${ident(ROWS_COLUMN)}), 0) AS BIGINT) AS rows_${index}`);
  }
  return { sql: `SELECT ${terms.join(', ')} FROM ${table}`, counts };
}

/** A source without a record still has an output with the right columns. */
export function emptySql(schema: Schema): string {
  const columns = schema.map(({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${ident(name)}`);
  return `SELECT ${[...columns, `0::BIGINT AS ${ident(RECORD_COLUMN)}`].join(', ')} WHERE false`;
}
