/** What FlexETL gives to a plugin when it opens it. */

/** Writes lines to the log of the run. They must not contain values of rows. */
export interface PluginLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

export interface PluginContext {
  /** Absolute folder of the project; relative paths in options are relative to it. */
  projectDir: string;
  /** Absolute scratch folder of this attempt; removed afterwards. */
  scratchDir: string;
  /** Files that all attempts and workers of a run share. */
  shared: SharedFiles;
  /** Aborts on cancellation and shutdown. */
  signal: AbortSignal;
  log: PluginLog;
  /** Progress of long work, 0 to 1. */
  progress(share: number): void;
  /**
   * The value of a secret that an option names, see `secret()` in `options.ts`. Never log it.
   * @throws FlexetlError SECRET_MISSING
   */
  secret(name: string): Promise<string>;
  /** Waits for its turn at an even pace, which all keep that name the same thing and pace and share the staging store. */
  turn(name: string, pace: Pace): Promise<void>;
}

/** So many requests in a time. */
export interface Pace {
  requests: number;
  perMs: number;
}

/** A small store beside the staged parts of a run. Names are relative, as in `source/file-0.csv`. */
export interface SharedFiles {
  /** Absolute path of a finished file, or undefined if it does not exist, or is damaged and thus removed. */
  find(name: string): Promise<string | undefined>;
  /**
   * Absolute path of the file of that name. If it does not exist, or is damaged, `write` writes it at the path that it
   * is given, and it then appears under its name, complete and durable. If two attempts make it, the file of the first
   * is kept.
   */
  make(name: string, write: (path: string) => Promise<void>): Promise<string>;
  /** Names of finished files that start with a prefix, sorted. */
  list(prefix: string): Promise<string[]>;
  /** Removes a file if it exists. */
  remove(name: string): Promise<void>;
}
