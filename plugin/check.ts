/** What a check is: a rule for each row, or for the input as a whole. */
import type { z } from 'zod';
import type { Schema } from '../pipeline/types';

/** A rule for one row, as SQL. */
export interface RowCheck {
  scope: 'row';
  /** The column that it checks, or null for several. */
  column: string | null;
  /** SQL, over the typed columns by their names, that is true for a row that fails; null counts as false. */
  fails: string;
  /**
   * Why a row is rejected, without the value: `below 0`. Or a function that makes the reason from the text of `column`.
   */
  reason: string | ((text: string | null) => string);
}

/** A rule for the input as a whole: a state per part, merged over the parts, then a verdict. */
export interface DatasetCheck<State = unknown> {
  scope: 'dataset';
  /** Columns that the aggregates read. */
  columns: readonly string[];
  /** Aggregates over the typed rows of a part, by name: `{rows: 'count(*)'}`. Their values come back as texts. */
  measure: Readonly<Record<string, string>>;
  /** Makes a state from the measured texts; small JSON. */
  read(measured: Readonly<Record<string, string | null>>): State;
  /** Associative and commutative; `merge(a, empty) = a`. */
  merge(a: State, b: State): State;
  empty: State;
  /** Decided once, over the states of all parts. */
  verdict(state: State): CheckVerdict;
}

export interface CheckVerdict {
  status: 'passed' | 'warned' | 'failed';
  failing_rows: number;
  /** For `failed` and `warned`: what was found and what was expected. */
  message?: string;
}

export interface Check<Options> {
  /** The YAML `type` and the file's name. */
  type: string;
  description: string;
  options: z.ZodType<Options>;
  /**
   * @param schema all columns of the source, typed
   * @throws FlexetlError SCHEMA_MISMATCH, EXPRESSION_INVALID
   */
  compile(options: Options, schema: Schema): readonly (RowCheck | DatasetCheck)[];
}

export function defineCheck<Options>(check: Check<Options>): Check<Options> {
  return check;
}
