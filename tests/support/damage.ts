/** What can happen to a file on a disk. */
import { readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';

/** Flips a bit. @param at where in the file, from 0 to 1 */
export function changeByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  const place = Math.floor(bytes.length * at);
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  write(path, bytes);
}

export const DAMAGES: Record<string, (path: string) => void> = {
  'one bit is flipped': (path) => changeByte(path, 0.3),
  'the end is cut off': (path) => truncateSync(path, Math.max(0, readFileSync(path).length - 20)),
  'it is empty': (path) => truncateSync(path, 0),
  'it is garbage': (path) => write(path, Buffer.alloc(readFileSync(path).length, 'x')),
  'it is gone': (path) => rmSync(path),
};

/** Another time than before, even where the clock of the file system is coarse. */
function write(path: string, bytes: Uint8Array): void {
  writeFileSync(path, bytes);
  utimesSync(path, 1_000_000, 1_000_000);
}
