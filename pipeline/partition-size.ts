/** How large a partition is. */
import type { PartitionSize } from '../plugin/source';
import { LIMITS } from './limits';

/**
 * The size in bytes: cutting by bytes needs no count of records beforehand.
 * @param chunkRecords records per partition as the user wishes them; undefined: the default sizes
 * @param recordBytes mean size of a record in the sample; undefined when there is none
 * @param parallelWorkers partitions in work at the same time; more than one share a file
 */
export function partitionSizeFor(
  chunkRecords: number | undefined,
  recordBytes: number | undefined,
  parallelWorkers: number,
): PartitionSize {
  if (chunkRecords !== undefined && recordBytes !== undefined) {
    const bytes = Math.max(LIMITS.chunkBytesMin, Math.round(chunkRecords * recordBytes));
    return { wholeBytesMax: bytes, cutBytes: bytes };
  }
  const cutBytes = LIMITS.chunkBytesDefault;
  return { wholeBytesMax: parallelWorkers > 1 ? cutBytes : LIMITS.inPlaceBytesMax, cutBytes };
}
