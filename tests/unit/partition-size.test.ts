import { LIMITS } from '../../pipeline/limits';
import { partitionSizeFor } from '../../pipeline/partition-size';

describe('the size of a partition', () => {
  it('is as many bytes as the wished records have, and never so few that there is only overhead', () => {
    expect(partitionSizeFor(1000, 41.4, 1)).toEqual({ wholeBytesMax: 41_400, cutBytes: 41_400 });
    expect(partitionSizeFor(1000, 41.4, 4).cutBytes).toBe(41_400);
    expect(partitionSizeFor(1, 3, 1).cutBytes).toBe(LIMITS.chunkBytesMin);
  });

  it.each([
    [undefined, 40],
    [1000, undefined],
  ])('is the default with chunk_size %p and %p bytes per record', (records, bytes) => {
    const { inPlaceBytesMax, chunkBytesDefault } = LIMITS;
    expect(partitionSizeFor(records, bytes, 1)).toEqual({
      wholeBytesMax: inPlaceBytesMax,
      cutBytes: chunkBytesDefault,
    });
    // Several workers share a file.
    expect(partitionSizeFor(records, bytes, 3).wholeBytesMax).toBe(chunkBytesDefault);
  });
});
