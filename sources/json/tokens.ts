/** The tokens of JSON in bytes, strictly by RFC 8259. All functions stop at a zero byte, which no token has. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const LINE_FEED = 0x0a;
const MINUS = 0x2d;

/**
 * The offset of the first byte that is no blank.
 * @param lineFeed LINE_FEED where it is a blank too; 0x20 where it ends a record
 */
export function skipBlanks(bytes: Uint8Array, at: number, lineFeed = LINE_FEED): number {
  let byte = bytes[at];
  while (byte === 0x20 || byte === lineFeed || byte === 0x0d || byte === 0x09) byte = bytes[++at];
  return at;
}

/**
 * The offset of the quote that closes a text, or of the byte that no text has; escapes are not looked into.
 * @param at the offset after the opening quote
 */
export function endOfText(bytes: Uint8Array, at: number): number {
  for (;;) {
    const byte = bytes[at] as number;
    if (byte === QUOTE || byte < 0x20) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
}

/** True for a text with a backslash. */
export function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

export function isNumberStart(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || byte === MINUS);
}

/** The offset after a number, or -1 - the offset of what should not be there. */
export function endOfNumber(bytes: Uint8Array, at: number): number {
  let byte = bytes[at] as number;
  if (byte === MINUS) byte = bytes[++at] as number;
  if (byte === 0x30) byte = bytes[++at] as number;
  else {
    const start = at;
    while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at] as number;
    if (at === start) return -1 - at;
  }
  if (byte === 0x2e) {
    const start = ++at;
    byte = bytes[at] as number;
    while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at] as number;
    if (at === start) return -1 - at;
  }
  if (byte === 0x65 || byte === 0x45) {
    byte = bytes[++at] as number;
    if (byte === 0x2b || byte === MINUS) byte = bytes[++at] as number;
    const start = at;
    while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at] as number;
    if (at === start) return -1 - at;
  }
  // `007` and `1x`: a number ends where another token can start.
  return isInWord(byte) ? -1 - at : at;
}

/** The length of `true`, `false` or `null` at an offset, or 0. */
export function lengthOfWord(bytes: Uint8Array, at: number): number {
  const word = WORDS[bytes[at] as number];
  if (!word) return 0;
  for (let index = 1; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return 0;
  }
  return isInWord(bytes[at + word.length] as number) ? 0 : word.length;
}

const WORDS: readonly (Buffer | undefined)[] = Object.assign(
  Array<undefined>(256).fill(undefined),
  Object.fromEntries(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)])),
);

function isInWord(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2e ||
    byte === 0x2b ||
    byte === MINUS
  );
}

/**
 * The offset after a value whose brackets and quotes match, whatever else is wrong in it; -1 when it does not end.
 * @param at the value's first byte
 */
export function endOfAnything(bytes: Uint8Array, at: number, end: number, final: boolean): number {
  let depth = 0;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      at++;
      while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
      if (at >= end) return -1;
      if (depth === 0) return at + 1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === COMMA || byte <= 0x20)) return at;
    at++;
  }
  return final && depth === 0 ? at : -1;
}

/** A text without its quotes, or what is wrong with it. @param bytes valid UTF-8 */
export function readText(bytes: Buffer, start: number, end: number): { text: string } | { problem: string } {
  const raw = bytes.toString('utf8', start, end);
  if (!raw.includes('\\')) return { text: raw };
  let text: string;
  try {
    text = JSON.parse(`"${raw}"`) as string;
  } catch {
    return { problem: 'an escape that JSON does not have' };
  }
  if (!isWellFormed(text)) return { problem: 'half of a surrogate pair' };
  return text.includes('\0') ? { problem: 'NUL character' } : { text };
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}
