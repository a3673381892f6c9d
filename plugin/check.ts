/** What a check is: a rule that rows, or the input as a whole, must keep. */
import type { z } from 'zod';
import type { Schema } from '../pipeline/types';

/** A rule for one row, as SQL. */
export interface RowCheck {
  scope: 'row';
  /** The column it is about, or null for several. */
  column: string | null;
  /** SQL, over the typed columns by their names, that is true for a row that fails; null counts as false. */
  fails: string;
  /** Why a row that fails is rejected, without the value: `below 0`; or the same from the text of `column`. */
  reason: string | ((text: string | null) => string);
}

/** A rule for the input as a whole: a state per part, merged over the parts, then a verdict. */
export interface DatasetCheck<State = unknown> {
  scope: 'dataset';
  /** Columns that the aggregates look at. */
  columns: readonly string[];
  /** Aggregates over the typed rows of a part, by name: `{rows: 'count(*)'}`. Their values come back as texts. */
  measure: Readonly<Record<string, string>>;
  /** From the measured texts to a state; small JSON. */
  read(measured: Readonly<Record<string, string | null>>): State;
  /** Associative and commutative; `merge(a, empty) = a`. */
  merge(a: State, b: State): State;
  empty: State;
  /** Decided once, over the states of all parts. */
  verdict(state: State): CheckVerdict;
}

export interface CheckVerdict {
  status: 'passed' | 'failed';
  failing_rows: number;
  /** What was found and what was expected, for a verdict of `failed`. */
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
