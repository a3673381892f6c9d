/**
 * Transform: staged parts in, one output part out, every row counted.
 *
 * Where a step needs all rows at once, one out-of-core query combines all parts; its result is ordered, so it is the
 * same for every size of parts and number of threads.
 */
import { RECORD_COLUMN } from '../pipeline/columns';
import { FlexetlError } from '../pipeline/errors';
import type { StepCount } from '../pipeline/row-balance';
import { ident, literal } from '../pipeline/sql';
import type { PlannedStep } from '../pipeline/transforms/plan';
import { tallySteps } from '../pipeline/transforms/tally';
import {
  planTransformSql,
  type TransformInput,
  type TransformStatement,
} from '../pipeline/transforms/transform-sql';
import type { Schema } from '../pipeline/types';
import type { Duckdb } from '../runtime/duckdb';

/** What extract has staged of a part of the source. */
export interface StagedPart {
  /** A Parquet file: rows of the staged schema, or partial groups, see `pipeline/transforms/partial-groups.ts`. */
  path: string;
  kind: 'rows' | 'groups';
  /** Its place among the parts of the source: the order of records. */
  index: number;
}

/**
 * Transforms parts into one file.
 * @param schema the staged columns with their final types
 * @param file of the output, Parquet
 * @throws FlexetlError LEDGER_UNBALANCED, VALUE_OVERFLOW, DIVISION_BY_ZERO, CAST_FAILED
 */
export async function transformParts(
  db: Duckdb,
  steps: readonly PlannedStep[],
  schema: Schema,
  parts: readonly StagedPart[],
  file: string,
): Promise<{ rows: number; counts: readonly StepCount[] }> {
  const { statements, output } = planTransformSql(steps, inputOf(parts, schema), schema);
  const counted = await runStatements(db, statements);
  await db.copy(output, file);
  const found = await db.one(`SELECT count(*)::DOUBLE AS "rows" FROM read_parquet(${literal(file)})`);
  const rows = Number(found['rows']);
  return { rows, counts: tallySteps(steps, counted, rows) };
}

/** Staged parts as SQL. */
export function inputOf(parts: readonly StagedPart[], schema: Schema): TransformInput {
  const [rows, groups] = (['rows', 'groups'] as const).map((kind) =>
    parts.filter((part) => part.kind === kind),
  );
  const columns = schema.map((column) => ident(column.name)).join(', ');
  return {
    ...(rows?.length && { rows: partsSql(rows, columns) }),
    ...(groups?.length && { groups: `(${partsSql(groups, '*')})` }),
  };
}

/**
 * Parts as one relation, in order. The record number is made of the place of the part and of the row in it: it costs
 * nothing to store, and is the same for the same parts.
 */
function partsSql(parts: readonly StagedPart[], columns: string): string {
  const files = parts.map(({ path }) => literal(path)).join(', ');
  const isWhole = parts.every(({ index }, place) => index === place);
  const indexes = `[${parts.map(({ index }) => index).join(', ')}]`;
  const index = isWhole ? 'file_index' : `${indexes}[CAST(file_index AS BIGINT) + 1]`;
  const record = `CAST(${index} AS BIGINT) * ${ROWS_PER_PART} + file_row_number`;
  return `SELECT ${columns}, ${record} AS ${ident(RECORD_COLUMN)} FROM read_parquet([${files}])`;
}

/** Above the rows of any part: 2^40. */
const ROWS_PER_PART = 1_099_511_627_776;

/** Runs the statements in order; where the fast arithmetic overflows, the exact one computes again. */
export async function runStatements(
  db: Duckdb,
  statements: readonly TransformStatement[],
): Promise<{ boundary: number; rows: number }[]> {
  const counted: { boundary: number; rows: number }[] = [];
  for (const { sql, exactSql, counts } of statements) {
    const [row] = await db.all(sql).catch((error: unknown) => {
      const overflows = error instanceof FlexetlError && error.code === 'VALUE_OVERFLOW';
      if (exactSql === undefined || !overflows) throw error;
      return db.all(exactSql);
    });
    for (const { boundary, column } of counts) counted.push({ boundary, rows: Number(row?.[column]) });
  }
  return counted;
}
