/** Nested objects and arrays: checked, and kept as JSON text without blanks. */
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

interface Problem {
  reason: string;
  at: number;
}

/**
 * The offset after a valid value, or what is wrong in it.
 * @param depth of the value, from 1
 * @param lineFeed see `skipBlanks`
 */
export function checkNested(bytes: Buffer, at: number, depth: number, lineFeed: number): number | Problem {
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
    const end = checkNested(bytes, at, depth + 1, lineFeed);
    if (typeof end !== 'number') return end;
    at = skipBlanks(bytes, end, lineFeed);
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== COMMA) return { reason: 'neither a comma nor a closing bracket after a value', at };
    at = skipBlanks(bytes, at + 1, lineFeed);
    if (bytes[at] === close) return { reason: 'a comma before a closing bracket', at };
  }
}

function checkText(bytes: Buffer, at: number): number | Problem {
  const end = endOfText(bytes, at + 1);
  if (bytes[end] !== QUOTE) return { reason: textProblem(bytes[end]), at: end };
  if (!hasEscape(bytes, at + 1, end)) return end + 1;
  const found = readText(bytes, at + 1, end);
  return 'problem' in found ? { reason: found.problem, at } : end + 1;
}

/** The offset of the value of a key. */
function checkKey(bytes: Buffer, at: number, names: Set<string>, lineFeed: number): number | Problem {
  if (bytes[at] !== QUOTE) return { reason: 'something else than a key in quotes', at };
  const after = checkText(bytes, at);
  if (typeof after !== 'number') return after;
  const found = readText(bytes, at + 1, after - 1);
  const name = 'text' in found ? found.text : '';
  if (names.has(name)) return { reason: `the key ${shown(name)} twice`, at };
  names.add(name);
  const colon = skipBlanks(bytes, after, lineFeed);
  if (bytes[colon] !== COLON) return { reason: 'a key without a colon', at: colon };
  return skipBlanks(bytes, colon + 1, lineFeed);
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
