/** Physical lines of offsets in a file. */
import type { FileHandle } from 'node:fs/promises';
import { LINE_FEED } from './tokens';

const PIECE_BYTES = 1024 * 1024;

export interface LineCounter {
  /** The line, 1-based, of an offset that is not before the last one that was asked for. */
  lineAt(offset: number): Promise<number>;
}

/** @param from a known place: the line of an offset */
export function openLineCounter(handle: FileHandle, from: { offset: number; line: number }): LineCounter {
  let { offset: counted, line } = from;
  let bytes = Buffer.alloc(0);
  let base = counted;
  return {
    async lineAt(offset) {
      while (counted < offset) {
        if (counted >= base + bytes.length) {
          const piece = await handle.read({ buffer: Buffer.alloc(PIECE_BYTES), position: counted });
          if (piece.bytesRead === 0) break;
          bytes = piece.buffer.subarray(0, piece.bytesRead);
          base = counted;
        }
        const stop = Math.min(offset - base, bytes.length);
        for (let at = counted - base; at < stop; at++) if (bytes[at] === LINE_FEED) line++;
        counted = base + stop;
      }
      return line;
    },
  };
}
