/** What `targets/files/` must know about a file format. It does names, durability, manifest, retries; an encoder writes rows. */
import type { PluginContext } from '../../plugin/context';
import type { Part, TargetCapabilities } from '../../plugin/target';

export interface FileEncoder<Options> {
  /** With its dot: `.parquet`. */
  extension: string;
  /** `file`: it reads `part.path`. `rows`: it takes `part.batches()`. */
  lane: TargetCapabilities['lane'];
  /**
   * Writes the rows of a part, in order, as a whole file. After an error the caller removes the file.
   * @param path absolute; does not exist
   * @returns the rows written
   */
  encode(part: Part, path: string, options: Options, context: PluginContext): Promise<number>;
}
