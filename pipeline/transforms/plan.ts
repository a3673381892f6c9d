/** From the steps of a pipeline file to plans, and from plans to the SQL that runs them over staged parts. */
import type { Transform, TransformPlan } from '../../plugin/transform';
import { assertColumnNames, columnList, RECORD_COLUMN, ROWS_COLUMN } from '../columns';
import { findPlugin, type PluginUse } from '../config/schema';
import { FlexetlError } from '../errors';
import { ident } from '../sql';
import type { Schema } from '../types';
import { readGroups } from './folded';

export interface PlannedStep {
  index: number;
  type: string;
  plan: TransformPlan;
}

/** A result column that holds the rows between two steps: `boundary` 0 is before step 0, 1 is after it. */
export interface BoundaryCount {
  boundary: number;
  column: string;
}

export interface TransformStatement {
  sql: string;
  /** The same in wider arithmetic, to be run when `sql` fails with VALUE_OVERFLOW. */
  wideSql?: string;
  /** The statement returns one row with these counts. Two counts of one boundary must agree. */
  counts: readonly BoundaryCount[];
}

export interface TransformSql {
  /** To be run in order, in one session. */
  statements: readonly TransformStatement[];
  /** The transformed rows in their order, for COPY; how many they are is the count of the last boundary. */
  output: string;
}

/**
 * Plans the steps, each on the columns that the one before leaves.
 * @param steps as the pipeline file has them, options checked and complete
 * @param transforms all that there are
 * @throws FlexetlError EXPRESSION_INVALID, SCHEMA_MISMATCH, CONFIG_INVALID, PLUGIN_UNKNOWN
 */
export function planTransforms(
  steps: readonly PluginUse[],
  schema: Schema,
  transforms: readonly Transform<unknown>[],
): PlannedStep[] {
  assertColumnNames(
    schema.map(({ name }) => name),
    'source',
  );
  let before = schema;
  return steps.map(({ type, options }, index) => {
    const plan = inStep(index, () => findPlugin(transforms, type).plan(options, before));
    before = plan.schema;
    return { index, type, plan };
  });
}

/**
 * The source columns that anything uses.
 * @param source all columns of the source: without steps all of them are output
 * @param outputs the wanted columns of the output; default all
 * @returns never empty: a file of rows needs a column
 */
export function columnsNeeded(
  planned: readonly PlannedStep[],
  source: Iterable<string>,
  outputs?: Iterable<string>,
): ReadonlySet<string> {
  const names = [...source];
  const [needed = new Set<string>()] = neededAtBoundaries(
    planned,
    outputs ?? planned.at(-1)?.plan.schema.map(({ name }) => name) ?? names,
  );
  const [first] = names;
  return needed.size === 0 && first !== undefined ? new Set([first]) : needed;
}

/** True when parts can be transformed one by one. */
export function isRowWise(planned: readonly PlannedStep[]): boolean {
  return planned.every(({ plan }) => plan.scope === 'row');
}

/**
 * The SQL of all steps: runs of row steps are chains of CTEs, evaluated in one pass; a step that needs all rows
 * ends a run, and becomes a temporary table when more follows or its rows must be counted.
 * @param input a query with the columns of the schema that are needed and the record number, in the order of record numbers
 * @param schema the columns before the first step
 * @param groups a relation that holds the groups of the first step over all rows, as `fold.ts` stages them: it takes
 *   the place of the input
 */
export function planTransformSql(
  planned: readonly PlannedStep[],
  input: string,
  schema: Schema,
  groups?: string,
): TransformSql {
  const last = planned.at(-1)?.plan.schema ?? schema;
  const needed = neededAtBoundaries(
    planned,
    last.map(({ name }) => name),
  );
  const statements: TransformStatement[] = [];
  let source = input;
  let chain: PlannedStep[] = [];
  let previous: string | undefined;
  const chained = (boundary: number): RowChain => rowStepsSql(chain, source, needed, boundary - chain.length);
  for (const one of planned) {
    if (one.plan.scope === 'row') {
      chain.push(one);
      continue;
    }
    const { rows, step } =
      previous === undefined && groups !== undefined
        ? readGroups(groups, one)
        : { rows: chained(one.index), step: one };
    statements.push(rows.count);
    const after = needed[step.index + 1] ?? new Set();
    if (step.index === planned.length - 1 && !step.plan.countsRows) {
      return { statements, output: globalSql(step, rows, needed, columnList(last, after)) };
    }
    const table = ident(`_flexetl_table_${step.index}`);
    const columns = columnList(step.plan.schema, after);
    statements.push(createTable(table, step, rows, needed, columns), countTable(table, step));
    if (previous !== undefined) statements.push({ sql: `DROP TABLE ${previous}`, counts: [] });
    previous = table;
    source = `SELECT ${[...columns, `row_number() OVER () - 1 AS ${ident(RECORD_COLUMN)}`].join(', ')} FROM ${table}`;
    chain = [];
  }
  const rows = chained(planned.length);
  // The rows of the last table are counted already.
  if (chain.length > 0 || previous === undefined) statements.push(rows.count);
  const names = columnList(last, new Set(last.map(({ name }) => name)));
  return { statements, output: `${rows.with} SELECT ${names.join(', ')} FROM ${rows.output}` };
}

/** `needed[k]`: the columns that must be there before step k. */
export function neededAtBoundaries(
  planned: readonly PlannedStep[],
  outputs: Iterable<string>,
): ReadonlySet<string>[] {
  const needed: ReadonlySet<string>[] = [new Set(outputs)];
  for (const { plan } of [...planned].reverse()) needed.unshift(plan.needs(needed[0] ?? new Set()));
  return needed;
}

export interface RowChain {
  /** `WITH …`: the relation before the first step and after each; empty where the last one is there already. */
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

/** Filters in a row are counted in one scan, step by step with a longer condition. */
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

/** A step over all rows, in its order. */
function globalSql(
  { index, plan }: PlannedStep,
  rows: RowChain,
  needed: readonly ReadonlySet<string>[],
  columns: readonly string[],
  lean = false,
): string {
  const select = plan.select(rows.output, needed[index] ?? new Set(), lean);
  const order = plan.orderBy === undefined ? '' : ` ORDER BY ${plan.orderBy}`;
  return `${rows.with} SELECT ${columns.join(', ')} FROM (${select})${order}`;
}

function createTable(
  table: string,
  step: PlannedStep,
  rows: RowChain,
  needed: readonly ReadonlySet<string>[],
  columns: readonly string[],
): TransformStatement {
  // A table needs a column, even when nothing but its rows is wanted.
  const counted = step.plan.countsRows ? ident(ROWS_COLUMN) : `1 AS ${ident(ROWS_COLUMN)}`;
  const [wide, lean] = [false, true].map(
    (fast) => `CREATE TEMP TABLE ${table} AS ${globalSql(step, rows, needed, [...columns, counted], fast)}`,
  );
  if (wide === undefined || lean === undefined || wide === lean) return { sql: wide ?? '', counts: [] };
  return { sql: lean, wideSql: wide, counts: [] };
}

/** Rows of the table, and, counted apart by the groups themselves, the rows that went into it. */
function countTable(table: string, { index, plan }: PlannedStep): TransformStatement {
  const counts = [{ boundary: index + 1, column: `rows_${index + 1}` }];
  const terms = [`count(*) AS rows_${index + 1}`];
  if (plan.countsRows) {
    counts.push({ boundary: index, column: `rows_${index}` });
    terms.push(`CAST(coalesce(sum(${ident(ROWS_COLUMN)}), 0) AS BIGINT) AS rows_${index}`);
  }
  return { sql: `SELECT ${terms.join(', ')} FROM ${table}`, counts };
}

/** Tells which of the steps an error is about. */
function inStep<T>(index: number, plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof FlexetlError)) throw error;
    throw new FlexetlError(error.code, {
      message: `transformations.${index}: ${error.message}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}
