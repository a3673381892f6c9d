/** Rows of tests through real DuckDB: literals of typed columns in, texts out. */
import { runStatements } from '../../engine/transform';
import type { PluginUse } from '../../pipeline/config/schema';
import { RECORD_COLUMN } from '../../pipeline/columns';
import { ident, literal, sqlType } from '../../pipeline/sql';
import { transforms } from '../../pipeline/transforms/index';
import { isRowWise, outputSchema, planTransforms } from '../../pipeline/transforms/plan';
import { planTransformSql } from '../../pipeline/transforms/transform-sql';
import { tallySteps } from '../../pipeline/transforms/tally';
import type { StepCount } from '../../pipeline/row-balance';
import type { Schema } from '../../pipeline/types';
import type { Transform } from '../../plugin/transform';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { makeFolder } from './folder';

/** Values as text, or null. */
export type TextRow = readonly (string | null)[];

const dir = makeFolder();

export function inDuckdb<T>(work: (db: Duckdb) => Promise<T>, threads = 2): Promise<T> {
  return withDuckdb({ dir, memoryMb: 400, threads }, work);
}

/** A query of the rows with record numbers from `firstRecord` on. */
export function relationOf(schema: Schema, rows: readonly TextRow[], firstRecord = 0): string {
  const names = [...schema.map(({ name }) => name), RECORD_COLUMN].map(ident).join(', ');
  if (rows.length === 0) {
    const empty = schema.map(({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${ident(name)}`);
    return `SELECT ${[...empty, `CAST(0 AS BIGINT) AS ${ident(RECORD_COLUMN)}`].join(', ')} WHERE false`;
  }
  const tuples = rows.map((row, index) => {
    const values = schema.map(({ type }, column) => {
      const value = row[column] ?? null;
      return `CAST(${value === null ? 'NULL' : literal(value)} AS ${sqlType(type)})`;
    });
    return `(${[...values, `CAST(${firstRecord + index} AS BIGINT)`].join(', ')})`;
  });
  return `SELECT * FROM (VALUES ${tuples.join(', ')}) AS t(${names})`;
}

/** The rows of a query as texts, exactly as DuckDB spells them. */
export async function textRows(db: Duckdb, sql: string): Promise<(string | null)[][]> {
  const rows: (string | null)[][] = [];
  for await (const chunk of db.stream(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${sql})`)) {
    for (const row of chunk.getRows()) rows.push(row.map((value) => (value === null ? null : String(value))));
  }
  return rows;
}

export interface Transformed {
  schema: Schema;
  rows: (string | null)[][];
  steps: StepCount[];
}

export interface Step {
  type: string;
  [option: string]: unknown;
}

/** What the activity `transform` does, on rows in memory: steps over parts, each a run of `partRows` rows. */
export async function transformRows(
  steps: readonly Step[],
  schema: Schema,
  rows: readonly TextRow[],
  {
    threads = 2,
    partRows = Infinity,
    also = [],
  }: { threads?: number; partRows?: number; also?: readonly Transform<unknown>[] } = {},
): Promise<Transformed> {
  const uses = steps.map((step) => parseStepOf(also, step));
  const planned = planTransforms(uses, schema, [...transforms, ...also]);
  const parts: string[] = [];
  for (let start = 0; start === 0 || start < rows.length; start += partRows) {
    parts.push(relationOf(schema, rows.slice(start, start + partRows), start));
  }
  const inputs = isRowWise(planned) ? parts : [parts.join(' UNION ALL ')];
  const results: Transformed[] = [];
  for (const input of inputs) {
    results.push(
      await inDuckdb(async (db) => {
        const { statements, output } = planTransformSql(planned, { rows: input }, schema);
        const counted = await runStatements(db, statements);
        const written = await textRows(db, output);
        const types = await db.all(`SELECT column_type FROM (DESCRIBE ${output})`);
        const last = outputSchema(planned, schema);
        expect(types.map((row) => row['column_type'])).toEqual(last.map(({ type }) => sqlType(type)));
        return { schema: last, rows: written, steps: tallySteps(planned, counted, written.length) };
      }, threads),
    );
  }
  const [first] = results;
  if (!first) throw new Error('no parts');
  const sum = (key: 'rows_in' | 'rows_out', index: number): number =>
    results.reduce((total, { steps: of }) => total + (of[index]?.[key] ?? 0), 0);
  return {
    schema: first.schema,
    rows: results.flatMap((result) => result.rows),
    steps: first.steps.map((step, index) => ({
      ...step,
      rows_in: sum('rows_in', index),
      rows_out: sum('rows_out', index),
    })),
  };
}

/** A step as a pipeline file has it, through the options of its plugin. */
export function parseStep(step: Step): PluginUse {
  return parseStepOf([], step);
}

/** @param also transforms beside those of FlexETL */
export function parseStepOf(also: readonly Transform<unknown>[], { type, ...options }: Step): PluginUse {
  const transform = [...(transforms as readonly Transform<unknown>[]), ...also].find(
    (one) => one.type === type,
  );
  return { type, options: transform ? (transform.options.parse(options) as PluginUse['options']) : options };
}
