/** A guess at the encoding of bytes that are not UTF-8: only for messages. */

export interface LikelyEncoding {
  name: string;
  /** What to do, without a full stop. */
  hint: string;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Accented letters that are common, by encoding; and the punctuation of windows-1252. */
const DOS_LETTERS = new Set([
  0x81,
  0x82,
  0x84,
  0x85,
  0x87,
  0x8a,
  0x8e,
  0x94,
  0x99,
  0x9a,
  ...range(0xa0, 0xa5),
  0xe1,
]);
const MAC_LETTERS = new Set([0x80, 0x85, 0x86, 0x88, 0x8a, 0x8d, 0x8e, 0x8f, 0x96, 0x9a, 0x9f, 0xa7]);
const LATIN_LETTERS = new Set(range(0xc0, 0xff));
const LATIN_PUNCTUATION = new Set([0x80, 0x85, 0x92, 0x93, 0x94, 0x96, 0x97, 0xa0, 0xa3, 0xa7, 0xae, 0xb0]);

/** Undefined where nothing speaks for one. */
export function likelyEncoding(bytes: Uint8Array): LikelyEncoding | undefined {
  const nulsAt = [0, 0];
  bytes.forEach((byte, at) => {
    if (byte === 0) nulsAt[at % 2] = (nulsAt[at % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = nulsAt;
  if (Math.max(even, odd) > bytes.length / 4) return supported(odd > even ? 'utf-16le' : 'utf-16be');
  let inRuns = 0;
  const found = { latin: 0, dos: 0, mac: 0, all: 0 };
  bytes.forEach((byte, at) => {
    if (byte < 0x80) return;
    const before = bytes[at - 1] ?? 0;
    const after = bytes[at + 1] ?? 0;
    found.all++;
    if (before >= 0xc0 || after >= 0xc0) inRuns++;
    if (LATIN_LETTERS.has(byte)) found.latin++;
    const inWord = isLetter(before) && isLetter(after);
    if (LATIN_PUNCTUATION.has(byte) && !inWord) found.latin++;
    else if (isLetter(before) || isLetter(after)) {
      if (DOS_LETTERS.has(byte)) found.dos++;
      if (MAC_LETTERS.has(byte)) found.mac++;
    }
  });
  if (found.all === 0) return undefined;
  if (inRuns > found.all / 2) return found.latin === found.all ? supported('windows-1251') : undefined;
  if (found.latin >= Math.max(found.dos, found.mac))
    return found.latin > 0 ? supported('windows-1252') : undefined;
  if (found.mac > found.dos) return supported('macintosh');
  return { name: 'cp437 or cp850', hint: 'convert it, for example with iconv -f CP850 -t UTF-8' };
}

function supported(name: string): LikelyEncoding {
  return { name, hint: `set encoding: ${name}` };
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
