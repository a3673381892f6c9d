/** What `targets/files/` must know about a file format. It does names, durability, manifest, retries; an encoder writes rows. */
import type { Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { Part, TargetCapabilities } from '../../plugin/target';

export interface FileEncoder<Options> {
  /** With its dot: `.parquet`. */
  extension: string | ((options: Options) => string);
  /** `file`: it reads `part.path` with `selectColumns`. `rows`: it takes `part.batches()`. */
  lane: TargetCapabilities['lane'];
  /**
   * Writes the rows of a part, in order. After an error the caller removes what it wrote.
   * @param path absolute, in an empty folder; what is made of several files may have any names in that folder
   * @returns the rows written to `path`, or the files that were made
   */
  encode(
    part: FilePart,
    path: string,
    options: Options,
    context: PluginContext,
  ): Promise<number | readonly EncodedFile[]>;
  /**
   * Asked before anything is loaded.
   * @param place of the target, for users
   * @throws FlexetlError TARGET_INCOMPATIBLE for columns that the format cannot have
   */
  assertColumns?(columns: Schema, options: Options, place: string): void;
  /** Options that a reader must know; the files of one folder have the same. Plain JSON; default: the extension. */
  format?(options: Options): Record<string, unknown>;
  /** Paths that name one file instead of a folder. Needs `combine`. */
  singleFile?: RegExp;
  /** The files are in folders that say something of their rows, so that none lies beside these folders. */
  isFolderTree?(options: Options): boolean;
  /** Makes one file of pieces, in order; of none: a file without rows. Without it an empty folder has no file. */
  combine?(
    pieces: readonly string[],
    path: string,
    columns: Schema,
    options: Options,
    context: PluginContext,
  ): Promise<void>;
}

export interface FilePart extends Part {
  /**
   * The columns of the file. With the lane `rows` those of the part; with `file` also those of the existing files, in
   * their order and with their types.
   */
  columns: Schema;
  /** The file is one of the pieces that `combine` gets. */
  isPiece: boolean;
}

/** One of several files of a part. */
export interface EncodedFile {
  path: string;
  rows: number;
  /** The folder for it in the target's, as `country=DE`; absent: the target's itself. */
  folder?: string;
  /** What all its rows have in common, for the manifest. */
  partition?: Readonly<Record<string, string | null>>;
}

export function extensionOf<O>({ extension }: FileEncoder<O>, options: O): string {
  return typeof extension === 'string' ? extension : extension(options);
}
