/** A window that slides over a file: only what is still needed stays in memory. */
import type { FileHandle } from 'node:fs/promises';
import { FlexetlError } from '../../pipeline/errors';

export interface ByteRange {
  handle: FileHandle;
  /** Records that start in [start, end) are wanted. */
  start: number;
  end: number;
  /** Bytes of the whole file: what may be looked at to tell where a record ends. */
  size: number;
}

export interface Window {
  readonly bytes: Buffer;
  /** Offset of `bytes` in the file. */
  readonly base: number;
  /** The window reaches the end of the file. */
  readonly final: boolean;
  /**
   * Drops the bytes before `keepFrom` and reads on; a longer rest is met by a longer read, so that a long
   * record is looked at a bounded number of times.
   * @returns false when nothing is left
   */
  more(keepFrom: number): Promise<boolean>;
  /** Drops everything up to and with the next such byte beyond the window. @returns the file offset after it */
  seek(byte: number): Promise<number>;
}

export function openWindow(handle: FileHandle, start: number, size: number, pieceBytes: number): Window {
  let bytes: Buffer = Buffer.alloc(0);
  let base = start;
  const readAt = async (offset: number, wanted: number): Promise<Buffer> => {
    const length = Math.min(wanted, size - offset);
    if (length <= 0) return Buffer.alloc(0);
    const piece = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(piece, filled, length - filled, offset + filled);
      if (bytesRead === 0) {
        throw new FlexetlError('SOURCE_CHANGED', {
          message: `A source file ended at byte ${offset + filled}, when the run began it had ${size} bytes.`,
          hint: 'Let the file be complete before the run starts, then run again.',
        });
      }
      filled += bytesRead;
    }
    return piece;
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
      const rest = bytes.subarray(keepFrom);
      const piece = await readAt(base + bytes.length, Math.max(pieceBytes, rest.length));
      base += keepFrom;
      bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      return piece.length > 0;
    },
    async seek(byte) {
      for (;;) {
        const offset = base + bytes.length;
        const piece = await readAt(offset, pieceBytes);
        const found = piece.indexOf(byte);
        base = found === -1 ? offset : offset + found + 1;
        bytes = found === -1 ? piece : piece.subarray(found + 1);
        if (found !== -1) return base;
        if (piece.length === 0) return base;
      }
    },
  };
}
