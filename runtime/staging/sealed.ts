/** JSON with its checksum on a second line: a text that was cut short or changed is not believed. */
import { crc32 } from 'node:zlib';

export function seal(value: unknown): string {
  const json = JSON.stringify(value);
  return `${json}\n${checksumOf(json)}\n`;
}

/** @returns undefined for a text that {@link seal} has not made */
export function unseal(text: string): unknown {
  const [json = '', checksum, rest] = text.split('\n');
  return rest === '' && checksum === checksumOf(json) ? JSON.parse(json) : undefined;
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
