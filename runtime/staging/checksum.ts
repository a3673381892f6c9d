/**
 * Checksums of staged files. They tell damage by disks and by hand from what was written, not an attacker. CRC-32 is the
 * fastest that Node has: 4 GB/s, against 1 GB/s of SHA-256, and finds every single flipped bit.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

export interface Checksum {
  bytes: number;
  crc: number;
}

/** Stays in the processor's cache between reading and counting; blocks the event loop for a quarter of a millisecond. */
const PIECE_BYTES = 1024 * 1024;

export async function checksumFile(path: string): Promise<Checksum> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    let [bytes, crc] = [0, 0];
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES, bytes);
      if (bytesRead === 0) return { bytes, crc };
      crc = crc32(buffer.subarray(0, bytesRead), crc);
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

export function sameChecksum(a: Checksum, b: Checksum): boolean {
  return a.bytes === b.bytes && a.crc === b.crc;
}
