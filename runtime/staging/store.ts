/**
 * The staging store: where the parts of a run are kept between two steps. The address of a part is derived from
 * (run, step, index), so nothing but small results ever travels through Temporal.
 *
 * Every part has a receipt, the result of the step that made it, which is written last: a step that finds its receipt
 * returns it. That is resume and retry in one mechanism. Where the parts are kept (a folder, a bucket) is known only to
 * the store behind this interface.
 */
import type { SharedFiles } from '../../plugin/context';

/** A run, as activities get it. */
export interface RunRef {
  project: string;
  pipeline: string;
  runKey: string;
  /** Id of the staging store; absent where there is only one: plan and preview. */
  staging?: string;
}

/** A committed part: its receipt, and the local path of its file, or null where it has none. */
export interface StagedPart<R> {
  receipt: R;
  path: string | null;
}

/** The staging of one run. */
export interface RunStaging {
  /**
   * The one local folder in which files of this run are read and written. The store of a bucket keeps copies here.
   */
  localDir: string;
  /**
   * The part of a name, brought to this machine; undefined where none is committed. Its receipt is whole, and its file is
   * there and has the right length.
   * @throws FlexetlError STAGING_DAMAGED
   */
  fetch<R extends object>(name: string): Promise<StagedPart<R> | undefined>;
  /**
   * The same, for whoever reads its file: every byte is compared with the checksum in the receipt.
   * @throws FlexetlError STAGING_DAMAGED
   */
  open<R extends object>(name: string): Promise<StagedPart<R> | undefined>;
  /**
   * Puts a part under its name, complete and durable: first its file, then its receipt. An existing part is replaced;
   * the new one must have the same rows.
   * @param scratchFile a finished file in a scratch folder of {@link withScratch}; absent: the receipt is all
   */
  commit(name: string, receipt: object, scratchFile?: string): Promise<void>;
  /** Names of committed parts that start with a prefix, sorted. */
  list(prefix: string): Promise<string[]>;
  /**
   * Removes the parts that start with a prefix. '' removes all that there is of the run: the shared files too, and what
   * attempts have left that were killed. Fine when there is nothing.
   */
  remove(prefix: string): Promise<void>;
  /** Files of the source that all workers share: plain copies, slices, pages. */
  shared: SharedFiles;
  /** An absolute scratch folder of this attempt; gone after `work`. */
  withScratch<T>(work: (scratchDir: string) => Promise<T>): Promise<T>;
}

export interface StagingStore {
  /** @throws FlexetlError PATH_UNWRITABLE */
  openRun(run: RunRef): Promise<RunStaging>;
  /** Removes the runs of this pipeline that nobody has touched for `LIMITS.stagingKeepMs`, but for `run`. */
  sweep(run: RunRef, nowMs: number): Promise<void>;
}
