/** How large a chunk is. */
import { LIMITS } from './limits';

/**
 * The bytes of a chunk; cutting by bytes needs no count of records beforehand.
 * @param chunkRecords records per chunk as the user wishes them; undefined: the default size
 * @param recordBytes mean size of a record in the sample; undefined when there is none
 * @param parallelWorkers chunks in work at the same time, which share the default size
 */
export function chunkBytesFor(
  chunkRecords: number | undefined,
  recordBytes: number | undefined,
  parallelWorkers: number,
): number {
  if (chunkRecords === undefined || recordBytes === undefined) {
    return Math.floor(LIMITS.chunkBytesDefault / parallelWorkers);
  }
  return Math.max(LIMITS.chunkBytesMin, Math.round(chunkRecords * recordBytes));
}
