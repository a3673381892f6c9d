/** The run report: what the workflow returns, `--json` prints, and a file keeps. Field names are fixed. */
import type { Severity } from './checks/policy';
import type { ErrorCode, Place } from './errors';
import type { RowFate } from '../plugin/transform';

export type RunStatus = 'running' | 'succeeded' | 'failed' | 'partial' | 'cancelled';
export type StepName = 'prepare' | 'extract' | 'validate' | 'transform' | 'load' | 'publish' | 'finish';

/** Source rows by their fate. */
export type RowCounts = { read: number; rejected: number; quarantined: number; output: number } & Record<
  RowFate,
  number
>;

export interface TargetReport {
  type: string;
  name: string;
  mode: string;
  rows_loaded: number;
  /** As counted by the target; absent until it is published. */
  rows_inserted?: number;
  rows_updated?: number;
  /** Of a merge: rows left out for later ones of the same key. loaded = inserted + updated + deduplicated. */
  rows_deduplicated?: number;
  status: 'pending' | 'published' | 'failed';
  /** When its rows became visible, ISO 8601, UTC; absent until then, and where they were there before this run. */
  published_at?: string;
  /** Its rows were there before this run, which has loaded none into it. */
  already?: AlreadyLoaded;
  error?: ErrorReport;
}

/** Rows that a target shows, or will: of a merge, those left out for later ones of their key are not among them. */
export function publishedRows({ rows_loaded, rows_deduplicated = 0 }: TargetReport): number {
  return rows_loaded - rows_deduplicated;
}

/** Rows that a run has loaded, of the target that has most: each gets all rows of the output. */
export function loadedRows({ targets }: Pick<RunReport, 'targets'>): number {
  return Math.max(0, ...targets.map((target) => (target.status === 'published' ? publishedRows(target) : 0)));
}

/** The load of an earlier run, or of an earlier try of this one. */
export interface AlreadyLoaded {
  run_key: string;
  /** ISO 8601, UTC. */
  published_at: string;
  rows: number;
}

export interface ErrorReport {
  code: ErrorCode;
  message: string;
  hint?: string;
  step?: StepName;
  places?: readonly Place[];
}

/** Rows through one transform. The rows in of a step are the rows out of the step before. */
export interface TransformReport {
  type: string;
  rows_in: number;
  rows_out: number;
}

/** The result of one check, over the whole input. */
export interface CheckReport {
  name: string;
  /** The column that it looks at, where it is about rows and one column. */
  column?: string;
  /** The columns that it looks at, where it is about the input as a whole. */
  columns?: readonly string[];
  /** `reject`: what fails it is not loaded. `warn`: it is loaded and reported. */
  severity: Severity;
  status: 'passed' | 'warned' | 'failed';
  failing_rows: number;
  /** `fail_when`, or else `warn_when`; absent where neither is set. */
  threshold?: string;
  /** Of rows that fail it the first ones, at most `LIMITS.checkExamplesMax`. */
  examples?: readonly Place[];
}

export interface RunReport {
  pipeline: string;
  run_key: string;
  workflow_id: string;
  status: RunStatus;
  config_digest: string;
  /** ISO 8601, UTC. */
  started_at: string;
  duration_ms: number;
  rows: RowCounts;
  balanced: boolean;
  transforms: readonly TransformReport[];
  checks: readonly CheckReport[];
  targets: readonly TargetReport[];
  /**
   * Time between the first and the last target that showed its rows, as the clocks of the workers have it: so long
   * readers saw a mix. Of a retry it is counted from the first publish of the run. Absent for fewer than two targets.
   */
  publish_skew_ms?: number;
  steps: Partial<Record<StepName, { duration_ms: number; attempts: number }>>;
  /** Records that are quarantined, and how many of them fail each rule. */
  dead_letter: { path: string | null; records: number; by_rule?: Readonly<Record<string, number>> };
  source: {
    files: readonly { path: string; bytes: number; fingerprint: string }[];
    /** With their final types, in order; empty before all rows are read. The first ones, if there are very many. */
    columns: readonly { name: string; type: string }[];
  };
  /** What a user should know although it did not stop the run; at most `LIMITS.warningsMax`. */
  warnings: readonly string[];
  error: ErrorReport | null;
}

/** The report as a file. What is too much for the history of the workflow is only here. */
export interface ReportFile extends RunReport {
  /** Absent where nothing was staged that fails a check. */
  verdicts?: VerdictsReport;
  /** Absent where it was not asked for, or where no rows were staged: see `profile_missing`. */
  profile?: ProfileReport;
  /** Why there is no profile. */
  profile_missing?: string;
}

/** Every rule that a record fails is one verdict. */
export interface VerdictsReport {
  /** The Parquet file with all of them, relative to the project. */
  path: string;
  count: number;
  /** False for a run that ended before it had read its whole source. */
  complete: boolean;
  /** The rules that most records fail come first; at most `LIMITS.verdictRulesMax`. */
  rules: readonly RuleReport[];
}

/** The verdicts of one rule for one column. */
export interface RuleReport {
  rule: string;
  /** Null where the rule is about a record as a whole. */
  column: string | null;
  severity: Severity;
  failing_rows: number;
  /** The first ones in the order of the source. */
  examples: readonly Place[];
}

/** The good rows of the source, column by column. */
export interface ProfileReport {
  /** Rows that were looked at: all of `rows_total`, or the first ones of each part. */
  rows: number;
  rows_total: number;
  /** Whether `distinct` is exact; else it is about 1 % off, but for a column whose values `histogram` shows one by one. */
  distinct_exact: boolean;
  /** In the order of the source; at most `LIMITS.profileColumnsMax`. */
  columns: readonly ColumnProfile[];
}

export interface ColumnProfile {
  name: string;
  type: string;
  nulls: number;
  /** Of the values that are not null. */
  distinct: number;
  /** As text, cut to `LIMITS.valueCharsMax`; null where all values are null. Texts are compared by their bytes. */
  min: string | null;
  max: string | null;
  histogram: Histogram;
}

export interface Histogram {
  /** What a bar stands for: one value, a range of values, or a range of lengths of texts. */
  of: 'values' | 'ranges' | 'lengths';
  /** Ranges include their upper bound, and the first one its lower bound. */
  bars: readonly { label: string; rows: number }[];
}
