/**
 * Transform: staged parts in, output parts out, every row counted.
 *
 * Row-wise pipelines are transformed part by part. Where a step needs all rows at once, one out-of-core query
 * combines all parts; its result is ordered, so it does not depend on the partitions or the number of threads.
 */
import { join } from 'node:path';
import { FlexetlError, type ErrorCode } from '../pipeline/errors';
import type { StepCount } from '../pipeline/row-balance';
import type { Schema } from '../pipeline/types';
import { readParquet } from '../pipeline/sql';
import { outputSchema, planTransforms, type PlannedStep } from '../pipeline/transforms/plan';
import { tallySteps } from '../pipeline/transforms/tally';
import { planTransformSql, type TransformStatement } from '../pipeline/transforms/transform-sql';
import { withDuckdb, withProgress, type Duckdb } from '../runtime/duckdb';
import { OUTPUT, outputName } from '../runtime/staging/parts';
import type { RunRef } from '../runtime/staging/store';
import { findWhole } from '../runtime/staging/whole';
import type { StepContext } from './context';
import type { Deps } from './deps';
import { groupsSql, rowsSql, type ExtractedPart } from './parts';
import { sessionOptions } from './plan';
import { withPlace } from './place-of-record';
import { explainSqlError, ownPlugins } from './plugin-sql';
import { pluginsOf } from './resolve-config';
import { wholeParts } from './whole-parts';

export interface TransformInput {
  run: RunRef;
  /** Index of the output part. */
  part: number;
  /** The partition to transform; null: all of them. */
  partition: number | null;
}

/** Also the receipt of the output part. */
export interface TransformResult {
  rows: number;
  counts: readonly StepCount[];
}

/** The receipt of the output as a whole. */
export interface OutputReceipt {
  schema: Schema;
}

export async function transformPart(
  deps: Deps,
  input: TransformInput,
  context: StepContext,
): Promise<TransformResult> {
  const { staging, scratchDir } = context;
  const there = await findWhole<TransformResult>(staging, outputName(input.part));
  if (there) return there.receipt;
  const { run, partition } = input;
  const { plan, schema, parts } = await wholeParts(deps, run, context, { partition, read: true });
  const steps = planTransforms(plan.config.transformations, schema, pluginsOf(deps, plan.config).transforms);
  const file = join(scratchDir, 'output.parquet');
  const result = await withDuckdb(sessionOptions(plan.config, context), (db) =>
    withProgress(db, context.progress, () => transformParts(db, steps, schema, parts, file)),
  ).catch(async (error: unknown) => {
    if (error instanceof FlexetlError) throw await withPlace(deps, plan, steps, error, context);
    throw explainSqlError(error, ownPlugins(deps, plan.config).transforms);
  });
  await staging.commit(OUTPUT, { schema: outputSchema(steps, schema) } satisfies OutputReceipt);
  await staging.commit(outputName(input.part), result, file);
  return result;
}

/**
 * Transforms parts into one file.
 * @param schema the staged columns with their final types
 * @param file of the output, Parquet
 * @throws FlexetlError ROWS_UNBALANCED, VALUE_OVERFLOW, DIVISION_BY_ZERO, CAST_FAILED
 */
export async function transformParts(
  db: Duckdb,
  steps: readonly PlannedStep[],
  schema: Schema,
  parts: readonly ExtractedPart[],
  file: string,
): Promise<TransformResult> {
  const input = { rows: rowsSql(parts, schema), groups: groupsSql(parts) };
  const { statements, output } = planTransformSql(steps, input, schema);
  const run = async () => {
    const counted = await runStatements(db, statements);
    await db.copy(output, file, outputSchema(steps, schema));
    return counted;
  };
  const counted = await run().catch((error: unknown) => {
    throw nameStep(error, steps, schema);
  });
  const found = await db.one(`SELECT count(*)::DOUBLE AS "rows" FROM ${readParquet(file)}`);
  const rows = Number(found['rows']);
  return { rows, counts: tallySteps(steps, counted, rows) };
}

/** An error of an expression, with the step that has it; where several could have made it, with all of them. */
export function nameStep(error: unknown, steps: readonly PlannedStep[], schema: Schema): unknown {
  if (!(error instanceof FlexetlError) || !NAMED_CODES.includes(error.code)) return error;
  const { code, message, hint } = error;
  const able = steps.filter(({ type, plan }, index) => {
    // DuckDB's own overflow, which stands in no statement.
    if (error.cause === undefined) return type === 'derive' || type === 'aggregate';
    const before = steps[index - 1]?.plan.schema ?? schema;
    return plan.select('rows', new Set(before.map(({ name }) => name))).includes(code);
  });
  if (able.length === 0) return error;
  const names = able.map(({ index, type }) => `transformations.${index} (${type})`);
  return new FlexetlError(code, { message: `${names.join(' or ')}: ${message}`, hint, cause: error });
}

const NAMED_CODES: readonly ErrorCode[] = ['DIVISION_BY_ZERO', 'VALUE_OVERFLOW'];

/** Runs the statements in order; one that overflows in fast arithmetic is run again in exact arithmetic. */
export async function runStatements(
  db: Duckdb,
  statements: readonly TransformStatement[],
): Promise<{ boundary: number; rows: number }[]> {
  const counted: { boundary: number; rows: number }[] = [];
  for (const { sql, exactSql, counts } of statements) {
    const [row] = await db.all(sql).catch((error: unknown) => {
      if (exactSql === undefined || !(error instanceof FlexetlError) || error.code !== 'VALUE_OVERFLOW')
        throw error;
      return db.all(exactSql);
    });
    for (const { boundary, column } of counts) counted.push({ boundary, rows: Number(row?.[column]) });
  }
  return counted;
}
