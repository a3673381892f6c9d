/** A file in pieces: only what is still needed stays in memory. */
import type { FileHandle } from 'node:fs/promises';
import { FlexetlError } from '../../pipeline/errors';

export interface Pieces {
  /** Memory that is used again by `more` and `seek`; four zero bytes follow the first `length` ones. */
  readonly bytes: Buffer;
  readonly length: number;
  /** Offset of `bytes` in the file. */
  readonly base: number;
  /** Nothing comes after these bytes. */
  readonly final: boolean;
  /**
   * Drops the bytes before `keepFrom` and reads more: at least as many as are kept.
   * @returns false when nothing was left to read
   */
  more(keepFrom: number): Promise<boolean>;
  /** Drops everything up to the next such byte after these bytes, that byte included. */
  seek(byte: number): Promise<void>;
}

const GUARD_BYTES = 4;

/** @param end of the range [start, end) of the file that is read */
export function openPieces(handle: FileHandle, start: number, end: number, pieceBytes: number): Pieces {
  let bytes = Buffer.allocUnsafeSlow(Math.min(2 * pieceBytes, end - start) + GUARD_BYTES);
  let length = 0;
  let base = start;
  /** Reads up to `wanted` bytes behind the first `kept` ones. */
  const read = async (kept: number, wanted: number): Promise<void> => {
    length = kept + Math.min(wanted, end - base - kept);
    if (length + GUARD_BYTES > bytes.length) {
      const larger = Buffer.allocUnsafeSlow(length + GUARD_BYTES);
      bytes.copy(larger, 0, 0, kept);
      bytes = larger;
    }
    for (let filled = kept; filled < length;) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, base + filled);
      if (bytesRead === 0) {
        throw new FlexetlError('SOURCE_CHANGED', {
          message: `A source file ended at byte ${base + filled}; at the start of the run it had more.`,
          hint: 'Let the file be complete before the run starts, then run again.',
        });
      }
      filled += bytesRead;
    }
    bytes.fill(0, length, length + GUARD_BYTES);
  };
  return {
    get bytes() {
      return bytes;
    },
    get length() {
      return length;
    },
    get base() {
      return base;
    },
    get final() {
      return base + length >= end;
    },
    async more(keepFrom) {
      const kept = length - keepFrom;
      bytes.copyWithin(0, keepFrom, length);
      base += keepFrom;
      await read(kept, Math.max(pieceBytes, kept));
      return length > kept;
    },
    async seek(byte) {
      let found = -1;
      while (found === -1) {
        base += length;
        await read(0, pieceBytes);
        if (length === 0) return;
        found = bytes.subarray(0, length).indexOf(byte);
      }
      length -= found + 1;
      base += found + 1;
      bytes.copyWithin(0, found + 1, found + 1 + length + GUARD_BYTES);
    },
  };
}
