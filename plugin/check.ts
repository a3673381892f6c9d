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
  /** The states of earlier runs that its verdict looks at. */
  keeps?: Kept;
  /** It passes or fails as a whole: no rows of its own fail, so a pipeline file cannot bound their number. */
  rowless?: boolean;
  /** Decided once, over the states of all parts. */
  verdict(state: State, context: VerdictContext<State>): CheckVerdict;
}

/** A rule that needs all rows of the input at once: SQL over them, run once, out of core. */
export interface GlobalCheck {
  scope: 'global';
  /** Columns of the input that it reads. */
  columns: readonly string[];
  /** Other data that it reads, by name. */
  references?: Readonly<Record<string, Reference>>;
  /** For `tables.earlier`: the keys of the rows of earlier runs. Made by `keyDigestSql`. */
  keeps?: Kept & { key: string };
  rowless?: boolean;
  /**
   * A query of one row, whose values come back as texts by name.
   * @throws FlexetlError SCHEMA_MISMATCH, EXPRESSION_INVALID for references that do not fit
   */
  measure(tables: CheckTables): string;
  verdict(measured: Readonly<Record<string, string | null>>): CheckVerdict;
  /** A query of the record numbers, `_flexetl_record`, of the rows that fail; in any order, each once. */
  failing?(tables: CheckTables): string;
  /** Why a row fails, without the value, as in {@link RowCheck}. */
  reason?: string;
}

/** Other data than the input, described and read like the source of a pipeline. */
export interface Reference {
  source: { type: string; [option: string]: unknown };
  /** Declared types of its columns, by name. */
  types?: Readonly<Record<string, string>> | undefined;
  /** The columns that are read; absent: all. */
  columns?: readonly string[];
}

/** What the SQL of a global check reads; each stands after FROM. */
export interface CheckTables {
  /** The good rows of the input, under the names of their columns, with their record numbers. */
  rows: string;
  references: Readonly<Record<string, { rows: string; schema: Schema }>>;
  /** Distinct keys of the earlier runs in one column, `key`; undefined where there is no such run. */
  earlier?: string | undefined;
}

/** What is kept of each published run, for later runs. */
export interface Kept {
  /** What makes the states of two runs comparable: another identity does not see them. Plain JSON. */
  identity: object;
  /** How many published runs before this one are looked at. */
  runs: number;
}

/** What a verdict may depend on, besides the rows. */
export interface VerdictContext<State = unknown> {
  /** The time of validate, in milliseconds since 1970. */
  nowMs: number;
  /** States of earlier published runs, the latest first; at most `keeps.runs`. */
  earlier: readonly State[];
}

/** The verdict of a check of the input as a whole. */
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
  compile(options: Options, schema: Schema): readonly (RowCheck | DatasetCheck | GlobalCheck)[];
}

export function defineCheck<Options>(check: Check<Options>): Check<Options> {
  return check;
}
