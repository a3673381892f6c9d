/** What a transform is: one step of `transformations`, as SQL over the rows of a pipeline. */
import type { z } from 'zod';
import type { Schema } from '../pipeline/types';

/** Why a row is not in the output; the names are those of the run report. */
export type RowFate = 'dropped' | 'filtered' | 'deduplicated' | 'aggregated';

/** What one transform does to a relation, decided from its options and the schema before it. */
export interface TransformPlan {
  /** Columns after the step, without the column of record numbers. */
  schema: Schema;
  /**
   * `row`: works on each row alone, so parts are transformed independently, and passes the record number on.
   * `global`: needs all rows at once; its output is in the order {@link orderBy}, and gets new record numbers from it.
   */
  scope: 'row' | 'global';
  /** Only for `global`: each output row is an input row and still has its record number. */
  passesRecord?: boolean;
  /** Only for `global`: the output has `ROWS_COLUMN`, the number of input rows that an output row stands for. */
  countsRows?: boolean;
  /** Only for `row`: the SQL condition of the rows that stay, over the input, if the step does nothing else. */
  keeps?: string;
  /** The fate of the rows that the step removes; absent when it removes none. */
  removes?: RowFate;
  /** Input columns needed to make the given output columns, including those that the step itself reads. */
  columnsRead(outputs: ReadonlySet<string>): ReadonlySet<string>;
  /**
   * The step as a SELECT.
   * @param input SQL of a relation (a quoted name) with the columns of the schema before and the record number
   * @param columns the input columns that exist: a superset of `columnsRead` of the columns needed later
   * @param fast use the fast arithmetic, which fails with VALUE_OVERFLOW where it is too narrow
   */
  select(input: string, columns: ReadonlySet<string>, fast?: boolean): string;
  /**
   * Only for `global`: SQL order terms over the output (and the record number where it is passed) that make its order
   * total and deterministic. Absent for a single row.
   */
  orderBy?: string;
  /** Only for `global` with `countsRows`: how to do it part by part; absent where that is impossible. */
  partial?: PartialPlan;
}

/**
 * A grouping that is done part by part. A partial group holds the columns of its keys, states, and `ROWS_COLUMN`;
 * partial groups of one key, of any parts and in any order, are merged into the group that all their rows would form.
 */
export interface PartialPlan {
  /** The columns that identify a group. */
  keys: readonly string[];
  /**
   * Columns that must have one value in each partial group. Otherwise the order of records matters, and the part must
   * be staged as rows.
   * @param columns the input columns that exist
   */
  uniform(columns: ReadonlySet<string>): readonly string[];
  /**
   * The partial groups of rows in any order and without record numbers, in the fast arithmetic.
   * @param by another input column to group by, which is also a column of the output
   */
  group(input: string, columns: ReadonlySet<string>, by: string): string;
  /** Each row as a partial group, with its record number. */
  groupEach(input: string, columns: ReadonlySet<string>, fast: boolean): string;
  /** As `select` of the plan, over partial groups with the record numbers of their parts or rows. */
  merge(input: string, columns: ReadonlySet<string>, fast: boolean): string;
}

export interface Transform<Options> {
  /** The YAML `type` and the file's name. */
  type: string;
  /** One sentence for the reference docs. */
  description: string;
  options: z.ZodType<Options>;
  /** @throws FlexetlError EXPRESSION_INVALID or SCHEMA_MISMATCH, naming the column or the place in the expression */
  plan(options: Options, schema: Schema): TransformPlan;
}

export function defineTransform<Options>(transform: Transform<Options>): Transform<Options> {
  return transform;
}
