/** The types that the functions of extract share. */
import type { OpenSource, Partition, SourceSurvey } from '../../plugin/source';
import type { DuckdbOptions } from '../../runtime/duckdb';
import type { StepContext } from '../context';
import type { RunPlan } from '../plan';
import type { ExtractColumns } from './columns';

export interface Reader {
  source: OpenSource;
  survey: SourceSurvey;
  partition: Partition;
}

export interface StageWork {
  plan: RunPlan;
  reader: Reader;
  columns: ExtractColumns;
  context: StepContext;
  session: DuckdbOptions;
}

/** A row that DuckDB read and that fails checks. */
export interface FailedRow {
  /** Counted from 0 over all records of the partition. */
  ordinal: number;
  /** Places in the list of row checks. */
  checks: readonly number[];
}
