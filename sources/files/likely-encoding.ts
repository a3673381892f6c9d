/** A guess at the encoding of bytes that are not UTF-8: only for messages. */

export const UNTOLD_ENCODING =
  'its encoding cannot be told: set encoding to the one that the program that wrote it uses';

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

/** Bytes that windows-1252 does not define. */
const LATIN_HOLES = [0x81, 0x8d, 0x8f, 0x90, 0x9d];
/** Encodings of two bytes for a character; many texts are valid in several. */
const EAST_ASIAN = ['shift_jis', 'euc-jp', 'gbk', 'big5', 'euc-kr'];
/** Letters, digits and common signs of EBCDIC; and what every CSV file in an encoding beyond ASCII has. */
const EBCDIC = new Set([
  ...range(0x81, 0x89),
  ...range(0x91, 0x99),
  ...range(0xa2, 0xa9),
  ...range(0xc1, 0xc9),
  ...range(0xd1, 0xd9),
  ...range(0xe2, 0xe9),
  ...range(0xf0, 0xf9),
  ...[0x05, 0x0d, 0x15, 0x25, 0x40, 0x4b, 0x4f, 0x5e, 0x60, 0x61, 0x6b, 0x6d, 0x7a, 0x7f],
]);
const ASCII_MARKS = Buffer.from('\n ,;');

/** Undefined where nothing speaks for one. */
export function likelyEncoding(bytes: Uint8Array): LikelyEncoding | undefined {
  const nulsAt = [0, 0];
  bytes.forEach((byte, at) => {
    if (byte === 0) nulsAt[at % 2] = (nulsAt[at % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = nulsAt;
  if (Math.max(even, odd) > bytes.length / 4) return supported(odd > even ? 'utf-16le' : 'utf-16be');
  if (isEbcdic(bytes)) {
    const hint =
      'convert it, for example with iconv -f IBM1047 -t UTF-8, by the code page of the system that wrote it';
    return { name: 'EBCDIC', hint };
  }
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
  if (inRuns > found.all / 2 && found.latin === found.all) return supported('windows-1251');
  const eastAsian = EAST_ASIAN.filter((encoding) => readsAs(bytes, encoding));
  if (eastAsian.length > 0) return oneOf(eastAsian);
  if (inRuns > found.all / 2) return undefined;
  if (found.latin >= Math.max(found.dos, found.mac)) {
    const whole = !LATIN_HOLES.some((byte) => bytes.includes(byte));
    return found.latin > 0 && whole ? supported('windows-1252') : undefined;
  }
  if (found.mac > found.dos) return supported('macintosh');
  return oneOf(['cp437', 'cp850']);
}

function supported(name: string): LikelyEncoding {
  return { name, hint: `set encoding: ${name}` };
}

function oneOf(names: readonly string[]): LikelyEncoding {
  const [first = '', ...others] = names;
  if (others.length === 0) return supported(first);
  return { name: names.join(' or '), hint: `set encoding to the right one of ${names.join(', ')}` };
}

/** True if most characters beyond ASCII are beside another one: a single one among letters is an accent misread. */
function readsAs(bytes: Uint8Array, encoding: string): boolean {
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return false;
  }
  const count = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((sum, [run]) => sum + run.length, 0);
  const runs = count(/[^\0-\x7f]{2,}/g);
  const halfWidth = count(/[\uff61-\uff9f]/g);
  return runs - halfWidth > count(/[^\0-\x7f]/g) / 2;
}

function isEbcdic(bytes: Uint8Array): boolean {
  if (ASCII_MARKS.some((mark) => bytes.includes(mark))) return false;
  const high = bytes.filter((byte) => byte >= 0x80).length;
  return high > bytes.length / 2 && bytes.filter((byte) => EBCDIC.has(byte)).length > bytes.length * 0.9;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
