/**
 * What a target is: where the rows of a pipeline go. `targets/sql/` and `targets/files/` make one of a dialect or an
 * encoder.
 */
import type { z } from 'zod';
import type { Schema } from '../pipeline/types';
import type { PluginContext } from './context';

/** What a target can do; shown by `flexetl plan` and in the reference docs. */
export interface TargetCapabilities {
  /** The values that its option `mode` takes. */
  modes: readonly ('append' | 'replace' | 'merge')[];
  /** `rows`: it takes batches of values. `file`: it takes the staged Parquet file itself. */
  lane: 'rows' | 'file';
}

/** The identity of a load: with the part's index it is the key in the load ledger. Never Temporal's run id. */
export interface LoadKey {
  pipeline: string;
  runKey: string;
  /** Index of the target in the pipeline file and its name: `0:output/sales.db#daily_product_revenue`. */
  target: string;
}

/**
 * A value: string, number (float, and integers up to 2^53), bigint (larger
 * integers), boolean or null; a decimal as its exact text (`-12.50`), a date as `YYYY-MM-DD`, a timestamp as
 * `YYYY-MM-DD HH:MM:SS` with `.ffffff` where it has a fraction.
 */
export type Value = string | number | bigint | boolean | null;

export interface Batch {
  rows: number;
  /** By column of the schema, then by row. */
  columns: readonly (readonly Value[])[];
}

/** Rows to be loaded together: a slice of a staged Parquet file. */
export interface Part {
  /** Number of this part within the load. */
  index: number;
  schema: Schema;
  rows: number;
  /** Absolute path of the staged Parquet file. Its columns are named by their places: read it with `selectPart`. */
  path: string;
  /** Number of the first row in the file, counted from 0. */
  firstRow: number;
  /** The rows in order, in batches of about 2,000. */
  batches(): AsyncIterable<Batch>;
}

export interface Published {
  rows: number;
  inserted: number;
  updated: number;
}

/** A target with its options. Every call may be repeated after a kill at any moment. */
export interface OpenTarget {
  /**
   * Checks that the target is reachable and writable, and that an existing table is compatible with the schema. Changes
   * nothing that a user sees.
   * @throws FlexetlError TARGET_INVALID, TARGET_INCOMPATIBLE, TARGET_BUSY
   */
  check(schema: Schema): Promise<void>;
  /**
   * Writes one part where readers do not see it, and its row in the load ledger, in one transaction. Idempotent by
   * (key, part index): for a part that is in the ledger it writes nothing and returns the recorded rows. A late attempt
   * fails on the unique key of the ledger.
   */
  load(key: LoadKey, part: Part): Promise<{ rows: number }>;
  /**
   * Makes all loaded parts visible at once. Idempotent by key. Without parts it makes an empty table.
   * @param rowsExpected the sum over `load`; a target that holds another number publishes nothing
   * @throws FlexetlError ROWS_UNBALANCED
   */
  publish(key: LoadKey, schema: Schema, rowsExpected?: number): Promise<Published>;
  /** Removes everything of this key that is not published. Idempotent. */
  discard(key: LoadKey): Promise<void>;
}

export interface Target<Options> {
  /** The YAML `type` and the file's name. */
  type: string;
  /** One sentence for the reference docs. */
  description: string;
  options: z.ZodType<Options>;
  capabilities: TargetCapabilities;
  /** Its name for users: `output/sales.db#daily_product_revenue`. */
  name(options: Options): string;
  mode(options: Options): TargetCapabilities['modes'][number];
  /** What happens to readers and on retries, one sentence for `plan` and the docs. */
  guarantee(options: Options): string;
  open(options: Options, context: PluginContext): OpenTarget;
}

export function defineTarget<Options>(target: Target<Options>): Target<Options> {
  return target;
}
