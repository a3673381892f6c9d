/** The state of a compilation, and how it reports problems. */
import type { FlexetlError } from '../errors';
import { LIMITS } from '../limits';
import type { ColumnType, Schema } from '../types';
import type { Operand } from './operand';
import type { AggregateState } from './state';

/** Makes the error of a problem; it shows the expression, or the filter, that the nodes come from. */
export type Explain = (at: number, problem: string, hint?: string) => FlexetlError;

export interface CompileOptions {
  /** Null: aggregates are not allowed. Else the columns that may be used outside of aggregates. */
  groups: ReadonlySet<string> | null;
  /** Sums are computed in 64 bits, or in fixed point, and fail where that is not enough: see `arithmetic`. */
  fast: boolean;
  /** Distinguishes the states of this expression from those of others. */
  place: number;
}

export interface StateColumn extends AggregateState {
  column: string;
}

export interface Compiled {
  sql: string;
  type: ColumnType;
  /** The columns it reads. */
  columns: ReadonlySet<string>;
  /** Those of them that `first` and `last` read, in the order of records. */
  ordered: ReadonlySet<string>;
  /** The same over states of groups of parts; absent where all rows are needed at once. */
  merged?: { sql: string; states: readonly StateColumn[] };
}

export interface Context extends CompileOptions {
  text: string;
  explain: Explain;
  schema: Schema;
  columns: Set<string>;
  ordered: Set<string>;
  /** Inside the brackets of an aggregate. */
  inside: boolean;
  /** The states of the aggregates so far; null where one has none. */
  states: StateColumn[] | null;
  aggregates: number;
  /** Aggregates are computed from states, not from rows. */
  merging: boolean;
}

/** Limits the SQL: every level of nesting may double its length. */
export function bounded(operand: Operand, context: Context): Operand {
  if (operand.sql.length <= LIMITS.expressionSqlCharsMax) return operand;
  throw tooComplex(operand.at, context.explain);
}

export function tooComplex(at: number, explain: Explain): FlexetlError {
  return explain(at, 'The expression is too complex', 'Split it into several derive steps.');
}

interface Failure {
  problem: string;
  at?: number;
  hint?: string;
}

export function succeed<T extends object>(
  outcome: T,
  at: number,
  context: Context,
): Exclude<T, { problem: string }> {
  if (!('problem' in outcome)) return outcome as Exclude<T, { problem: string }>;
  const failure = outcome as unknown as Failure;
  throw context.explain(failure.at ?? at, failure.problem, failure.hint);
}
