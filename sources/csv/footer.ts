/** Lines at the end of a file that are no records. */
import type { FileHandle } from 'node:fs/promises';
import { LIMITS } from '../../pipeline/limits';
import { LINE_FEED, CARRIAGE_RETURN } from './boundaries';

/**
 * Where the last `lines` lines of a file start; empty lines after them are not counted.
 * @returns 0 if it has no more lines than that; undefined if they are longer than LIMITS.sampleBytes
 */
export async function findFooter(
  handle: FileHandle,
  size: number,
  lines: number,
): Promise<number | undefined> {
  const length = Math.min(size, LIMITS.sampleBytes);
  const { buffer } = await handle.read({ buffer: Buffer.alloc(length), position: size - length });
  const newline = buffer.includes(LINE_FEED) ? LINE_FEED : CARRIAGE_RETURN;
  let at = buffer.length;
  while (at > 0 && (buffer[at - 1] === LINE_FEED || buffer[at - 1] === CARRIAGE_RETURN)) at--;
  for (let found = 0; found < lines; found++) {
    const before = at === 0 ? -1 : buffer.lastIndexOf(newline, at - 1);
    if (before === -1) return length === size ? 0 : undefined;
    at = before;
  }
  return size - length + at + 1;
}
