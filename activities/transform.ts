/**
 * Transform: staged parts in, output parts out, every row counted.
 *
 * Row-wise pipelines are transformed part by part. Where a step needs all rows at once, one out-of-core query
 * combines all parts; its result is ordered, so it is the same for every chunk size and thread count.
 */
import { join } from 'node:path';
import { FlexetlError } from '../pipeline/errors';
import type { StepCount } from '../pipeline/row-balance';
import { RECORD_COLUMN } from '../pipeline/columns';
import type { Evidence } from '../pipeline/schema';
import { ident, literal, sqlType } from '../pipeline/sql';
import { planTransforms, planTransformSql, type TransformStatement } from '../pipeline/transforms/plan';
import { tallySteps } from '../pipeline/transforms/tally';
import type { Schema } from '../pipeline/types';
import { withDuckdb, type Duckdb } from '../runtime/duckdb';
import type { RunRef, Staging } from '../runtime/staging';
import type { Deps } from '../engine/deps';
import {
  OUTPUT_FILE,
  plannedSchema,
  readPlan,
  sessionOptions,
  type OutputPlan,
  type RunPlan,
} from '../engine/plan';
import { pluginsOf } from '../engine/resolve-config';
import { createStep, type StepResult } from './step';

export interface TransformInput {
  run: RunRef;
  /** Index of the output part. */
  part: number;
  /** The chunk to transform; null: all of them. */
  chunk: number | null;
  wider: Evidence;
}

export interface TransformResult {
  rows: number;
  counts: readonly StepCount[];
}

export function createTransform(deps: Deps): (input: TransformInput) => Promise<StepResult<TransformResult>> {
  return createStep(deps, 'transform', async (input: TransformInput, tools) => {
    const plan = await readPlan(tools.staging);
    const schema = plannedSchema(plan, input.wider);
    const steps = planTransforms(
      plan.config.transformations,
      schema,
      pluginsOf(deps, plan.config).transforms,
    );
    const chunks = input.chunk === null ? plan.chunks.map((chunk) => chunk.index) : [input.chunk];
    const parts = chunks.map((chunk) => tools.staging.extractPart(chunk, schema));
    const rows = parts.length > 0 ? partsSql(parts, schema) : emptySql(schema);
    const sql = planTransformSql(steps, rows, schema, await findGroups(plan, schema, tools.staging));
    const scratchFile = join(tools.scratchDir, 'output.parquet');
    const counted = await withDuckdb(sessionOptions(plan.config, tools), async (db) => {
      const counts = await runStatements(db, sql.statements);
      await db.copy(sql.output, scratchFile);
      const { rows } = await db.one(
        `SELECT count(*)::DOUBLE AS "rows" FROM read_parquet(${literal(scratchFile)})`,
      );
      return { counts, rows: Number(rows) };
    });
    const output: OutputPlan = { schema: steps.at(-1)?.plan.schema ?? schema };
    await tools.staging.writeJson(OUTPUT_FILE, output);
    await tools.staging.commit(scratchFile, tools.staging.outputPart(input.part));
    return { rows: counted.rows, counts: tallySteps(steps, counted.counts, counted.rows) };
  });
}

/** @returns the groups that extract has staged in the place of rows, as a relation */
async function findGroups(plan: RunPlan, schema: Schema, staging: Staging): Promise<string | undefined> {
  const file = staging.groupsPart(0, schema);
  return plan.fold && (await staging.has(file)) ? `read_parquet(${literal(file)})` : undefined;
}

/** Runs the statements in order; a sum that overflows 64 bits is computed again in wider arithmetic. */
export async function runStatements(
  db: Duckdb,
  statements: readonly TransformStatement[],
): Promise<{ boundary: number; rows: number }[]> {
  const counted: { boundary: number; rows: number }[] = [];
  for (const { sql, wideSql, counts } of statements) {
    const [row] = await db.all(sql).catch((error: unknown) => {
      if (wideSql === undefined || !(error instanceof FlexetlError) || error.code !== 'VALUE_OVERFLOW')
        throw error;
      return db.all(wideSql);
    });
    for (const { boundary, column } of counts) counted.push({ boundary, rows: Number(row?.[column]) });
  }
  return counted;
}

/**
 * All parts as one relation, in order. The record number is made of the place of the part and of the row in it:
 * it costs nothing to store, and is the same for the same chunks.
 */
export function partsSql(parts: readonly string[], schema: Schema): string {
  const columns = schema.map((column) => ident(column.name)).join(', ');
  const files = parts.map(literal).join(', ');
  const record = `CAST(file_index AS BIGINT) * ${ROWS_PER_PART} + file_row_number`;
  return `SELECT ${columns}, ${record} AS ${ident(RECORD_COLUMN)} FROM read_parquet([${files}])`;
}

/** Above the rows of any part: 2^40. */
const ROWS_PER_PART = 1_099_511_627_776;

/** A source without a record still has an output with the right columns. */
export function emptySql(schema: Schema): string {
  const columns = schema.map((column) => `CAST(NULL AS ${sqlType(column.type)}) AS ${ident(column.name)}`);
  return `SELECT ${columns.join(', ')}, 0::BIGINT AS ${ident(RECORD_COLUMN)} WHERE false`;
}
