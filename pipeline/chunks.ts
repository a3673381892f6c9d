/** How large a chunk is. */
import { LIMITS } from './limits';

/**
 * The bytes of a chunk; cutting by bytes needs no count of records beforehand.
 * @param chunkRecords records per chunk as the user wishes them; undefined: the default size
 * @param recordBytes mean size of a record in the sample; undefined when there is none
 */
export function chunkBytesFor(chunkRecords: number | undefined, recordBytes: number | undefined): number {
  if (chunkRecords === undefined || recordBytes === undefined) return LIMITS.chunkBytesDefault;
  return Math.max(LIMITS.chunkBytesMin, Math.round(chunkRecords * recordBytes));
}
