/**
 * What a target is: where the rows of a pipeline go. `targets/sql/` and `targets/files/` make one of a dialect or an
 * encoder.
 */
import type { z } from 'zod';
import type { Schema } from '../pipeline/types';
import type { PluginContext } from './context';
import type { Position } from './source';

/** What a target can do; shown by `flexetl plan` and in the reference docs. */
export interface TargetCapabilities {
  /** The values that its option `mode` takes. */
  modes: readonly ('append' | 'replace' | 'merge')[];
  /** `rows`: it takes batches of values. `file`: it takes the staged Parquet file itself. */
  lane: 'rows' | 'file';
}

/**
 * The identity of a load. With the table and the part's index it is the key in the load ledger, which is kept in the
 * target itself. Never Temporal's run id.
 */
export interface LoadKey {
  project: string;
  pipeline: string;
  runKey: string;
  /** Of the rows that are asked for: the files of the source, what the pipeline does with them, how they are written. */
  digest: string;
  /** Of how they are divided into parts. Loads of another plan are never continued. */
  plan: string;
  /** What is loaded, in words, for messages. */
  content: string;
}

/** What a target has of a load before it begins. */
export type LoadAnswer =
  /** `stale`: it had loads of this run key under another plan; they are removed. */
  | { answer: 'fresh' | 'resume' | 'stale' }
  /** `published`: the same rows. `reused`: the run key has published other rows. */
  | { answer: 'published' | 'reused'; load: EarlierLoad };

/** A load that was published. */
export interface EarlierLoad extends Pick<LoadKey, 'runKey' | 'digest' | 'content'> {
  rows: number;
  /** ISO 8601, UTC. */
  publishedAt: string;
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
  /** Of a merge: rows left out, because later ones of the load have their key. rows = inserted + updated + deduplicated. */
  deduplicated?: number;
}

/** Whose state it is: another project, pipeline or source does not see it. */
export interface StateKey extends Pick<LoadKey, 'project' | 'pipeline'> {
  /** Digest of the source's type and of the options that select its data; or what else keeps a state. */
  source: string;
}

/** How far a source is loaded. It is saved by the publish that makes its rows visible, never apart from it. */
export interface StateToSave {
  source: StateKey['source'];
  state: Position;
}

export interface SavedState {
  state: Position;
  /** Of the publish that has saved it. */
  runKey: string;
  /** ISO 8601, UTC. */
  savedAt: string;
}

/** A target with its options. Every call may be repeated after a kill at any moment. */
export interface OpenTarget {
  /**
   * Checks that the target is reachable and writable, and that an existing table is compatible with the schema. Changes
   * nothing that a user sees.
   * @returns what users should know of the table: warnings of `flexetl plan` and of the run
   * @throws FlexetlError TARGET_INVALID, TARGET_INCOMPATIBLE, TARGET_BUSY
   */
  check(schema: Schema): Promise<readonly string[] | void>;
  /**
   * Asked once, before anything is loaded. In one transaction it removes what other runs of this pipeline, or this run
   * under another plan, have loaded and not published: only one run of a pipeline is open, so all of that is left over.
   * A published load does not count when its table is gone.
   * @param anyRun a load of the same digest counts whatever its run key, unless its rows were replaced since
   */
  begin(key: LoadKey, anyRun: boolean): Promise<LoadAnswer>;
  /**
   * Writes one part where readers do not see it, and its row in the load ledger, in one transaction. Idempotent by
   * (key, part index): for a part that is in the ledger it writes nothing and returns the recorded rows. A late attempt
   * fails on the unique key of the ledger.
   */
  load(key: LoadKey, part: Part): Promise<{ rows: number }>;
  /**
   * Makes all loaded parts visible at once. Idempotent by key. Without parts it makes an empty table.
   * @param rowsExpected the sum over `load`; a target that holds another number publishes nothing
   * @param states saved in the same transaction or manifest; those of other sources stay as they are
   * @throws FlexetlError ROWS_UNBALANCED, KEY_REUSED
   */
  publish(
    key: LoadKey,
    schema: Schema,
    rowsExpected?: number,
    states?: readonly StateToSave[],
  ): Promise<Published>;
  /** The state of the last publish that has saved one. It does not count when its table is gone, or was replaced since. */
  state(key: StateKey): Promise<SavedState | undefined>;
  /** Removes everything of this key that is not published. Idempotent. */
  discard(key: LoadKey): Promise<void>;
}

/** Where rows go, so that two spellings of one place are the same. */
export interface TargetPlace {
  /** Path of the file or folder, relative to the project; absent for a server. */
  path?: string;
  /** Within it, as the target compares names: a table; database, schema and table. */
  name: string;
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
  place(options: Options): TargetPlace;
  mode(options: Options): TargetCapabilities['modes'][number];
  /** The options that say how rows are written there, as `mode` does: a run key belongs to them too. Plain JSON. */
  writing(options: Options): object;
  /** What happens to readers and on retries, one sentence for `plan` and the docs. */
  guarantee(options: Options): string;
  open(options: Options, context: PluginContext): OpenTarget;
}

export function defineTarget<Options>(target: Target<Options>): Target<Options> {
  return target;
}
