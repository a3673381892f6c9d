/** Values: checked strictly, and nested ones kept as JSON text without blanks. */
import { LIMITS } from '../../pipeline/limits';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endOfNumber,
  endOfText,
  hasEscape,
  isNumberStart,
  lengthOfWord,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  readText,
  skipBlanks,
} from './tokens';
import { TOO_DEEP, textProblem, shown } from './problems';

export interface ValueProblem {
  reason: string;
  at: number;
}

/**
 * The offset after a valid value, or what is wrong in it.
 * @param depth of the value, from 1
 * @param lineFeed see `skipBlanks`
 */
export function checkValue(
  bytes: Buffer,
  at: number,
  depth: number,
  lineFeed: number,
): number | ValueProblem {
  const byte = bytes[at];
  if (byte === QUOTE) return checkText(bytes, at);
  if (isNumberStart(byte)) {
    const end = endOfNumber(bytes, at);
    return end < 0 ? { reason: 'a number that JSON does not have', at: -1 - end } : end;
  }
  if (byte !== OPEN_OBJECT && byte !== OPEN_ARRAY) {
    const length = lengthOfWord(bytes, at);
    return length === 0 ? { reason: 'a value that JSON does not have', at } : at + length;
  }
  if (depth > LIMITS.jsonDepthMax) return { reason: TOO_DEEP, at };
  const close = byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
  const names = byte === OPEN_OBJECT ? new Set<string>() : undefined;
  at = skipBlanks(bytes, at + 1, lineFeed);
  if (bytes[at] === close) return at + 1;
  for (;;) {
    if (names) {
      const after = checkKey(bytes, at, names, lineFeed);
      if (typeof after !== 'number') return after;
      at = after;
    }
    const end = checkValue(bytes, at, depth + 1, lineFeed);
    if (typeof end !== 'number') return end;
    at = skipBlanks(bytes, end, lineFeed);
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== COMMA) return { reason: 'neither a comma nor a closing bracket after a value', at };
    at = skipBlanks(bytes, at + 1, lineFeed);
    if (bytes[at] === close) return { reason: 'a comma before a closing bracket', at };
  }
}

function checkText(bytes: Buffer, at: number): number | ValueProblem {
  const end = endOfText(bytes, at + 1);
  if (bytes[end] !== QUOTE) return { reason: textProblem(bytes[end]), at: end };
  if (!hasEscape(bytes, at + 1, end)) return end + 1;
  const found = readText(bytes, at + 1, end);
  return 'problem' in found ? { reason: found.problem, at } : end + 1;
}

/** The offset of the value of a key. */
function checkKey(bytes: Buffer, at: number, names: Set<string>, lineFeed: number): number | ValueProblem {
  const key = readKey(bytes, at);
  if ('reason' in key) return key;
  if (names.has(key.name)) return { reason: `the key ${shown(key.name)} twice`, at };
  names.add(key.name);
  const colon = skipBlanks(bytes, key.end, lineFeed);
  if (bytes[colon] !== COLON) return { reason: 'a key without a colon', at: colon };
  return skipBlanks(bytes, colon + 1, lineFeed);
}

/** A key, and the offset after its closing quote. */
export function readKey(bytes: Buffer, at: number): { name: string; end: number } | ValueProblem {
  if (bytes[at] !== QUOTE) return { reason: 'something else than a key in quotes', at };
  const end = endOfText(bytes, at + 1);
  if (bytes[end] !== QUOTE) return { reason: textProblem(bytes[end]), at: end };
  const found = readText(bytes, at + 1, end);
  return 'problem' in found
    ? { reason: `${found.problem} in a key`, at }
    : { name: found.text, end: end + 1 };
}

/**
 * Copies a value without the blanks between its tokens; all else stays as it is written.
 * @returns the offset after it in `to`
 */
export function copyNested(bytes: Buffer, start: number, end: number, to: Buffer, at: number): number {
  let inText = false;
  for (let from = start; from < end; from++) {
    const byte = bytes[from] as number;
    if (byte === QUOTE) inText = !inText;
    else if (inText && byte === 0x5c) to[at++] = bytes[from++] as number;
    else if (!inText && byte <= 0x20) continue;
    to[at++] = bytes[from] as number;
  }
  return at;
}
