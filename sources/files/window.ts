/** A window that slides over a file: only what is still needed stays in memory. */
import type { FileHandle } from 'node:fs/promises';
import { FlexetlError } from '../../pipeline/errors';

export interface ByteRange {
  handle: FileHandle;
  /** Only records that start in [start, end) are read. */
  start: number;
  end: number;
  /** Bytes of the whole file: a record may end after `end`. */
  size: number;
}

export interface Window {
  /** Valid until the next call of `more` or `seek`: the memory is used again. */
  readonly bytes: Buffer;
  /** Offset of `bytes` in the file. */
  readonly base: number;
  /** The window reaches the end of the file. */
  readonly final: boolean;
  /**
   * Drops the bytes before `keepFrom` and reads more. The longer the rest, the more is read, so that a long record is
   * scanned only a few times.
   * @returns false when nothing is left
   */
  more(keepFrom: number): Promise<boolean>;
  /** Drops everything up to the next such byte after the window, that byte included. @returns the file offset after it */
  seek(byte: number): Promise<number>;
}

export function openWindow({ handle, start, size }: Omit<ByteRange, 'end'>, pieceBytes: number): Window {
  let memory = Buffer.allocUnsafeSlow(2 * Math.min(pieceBytes, size - start));
  let bytes = memory.subarray(0, 0);
  let base = start;
  /** Appends up to `wanted` bytes of the file after the first `kept` of the memory. */
  const read = async (kept: number, wanted: number): Promise<void> => {
    const length = Math.min(wanted, size - base - kept);
    if (kept + length > memory.length) {
      const larger = Buffer.allocUnsafeSlow(kept + length);
      memory.copy(larger, 0, 0, kept);
      memory = larger;
    }
    for (let filled = 0; filled < length;) {
      const offset = base + kept + filled;
      const { bytesRead } = await handle.read(memory, kept + filled, length - filled, offset);
      if (bytesRead === 0) {
        throw new FlexetlError('SOURCE_CHANGED', {
          message: `A source file ended at byte ${offset}; at the start of the run it had ${size} bytes.`,
          hint: 'Let the file be complete before the run starts, then run again.',
        });
      }
      filled += bytesRead;
    }
    bytes = memory.subarray(0, kept + length);
  };
  return {
    get bytes() {
      return bytes;
    },
    get base() {
      return base;
    },
    get final() {
      return base + bytes.length >= size;
    },
    async more(keepFrom) {
      const kept = bytes.length - keepFrom;
      memory.copyWithin(0, keepFrom, bytes.length);
      base += keepFrom;
      await read(kept, Math.max(pieceBytes, kept));
      return bytes.length > kept;
    },
    async seek(byte) {
      for (;;) {
        base += bytes.length;
        await read(0, pieceBytes);
        const found = bytes.indexOf(byte);
        if (found === -1 && bytes.length > 0) continue;
        memory.copyWithin(0, found + 1, bytes.length);
        bytes = memory.subarray(0, bytes.length - found - 1);
        base += found + 1;
        return base;
      }
    },
  };
}
