/**
 * Where values stand in a JSON text, so that they are taken as they are written: a number keeps every digit. The text
 * must be valid JSON; JSON.parse checks that faster than code of our own.
 */

/** A value in a text: its characters from `start` up to `end`, without the blanks around it. */
export interface JsonSpan {
  start: number;
  end: number;
}

export interface JsonMember extends JsonSpan {
  key: string;
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/** The one value of a text. */
export function jsonValue(text: string): JsonSpan {
  let end = text.length;
  while (text.charCodeAt(end - 1) <= 0x20) end -= 1;
  return { start: skipBlanks(text, 0), end };
}

/** The members of the object at `start`, in order; a key that is there twice comes twice. */
export function jsonMembers(text: string, start: number): JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipBlanks(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at);
    const quoted = text.slice(at, keyEnd);
    const key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    let value = skipBlanks(text, keyEnd);
    if (text.charCodeAt(value) === COLON) value = skipBlanks(text, value + 1);
    const end = endOfValue(text, value);
    members.push({ key, start: value, end });
    at = skipBlanks(text, skipBlanks(text, end) + 1);
  }
  return members;
}

/** The elements of the array at `start`, in order. */
export function jsonElements(text: string, start: number): JsonSpan[] {
  const elements: JsonSpan[] = [];
  let at = skipBlanks(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = endOfValue(text, at);
    elements.push({ start: at, end });
    const next = skipBlanks(text, end);
    if (text.charCodeAt(next) === CLOSE_BRACKET) break;
    at = skipBlanks(text, next + 1);
  }
  return elements;
}

/** True for an array or an object. */
export function isNested(text: string, { start }: JsonSpan): boolean {
  const code = text.charCodeAt(start);
  return code === OPEN_BRACE || code === OPEN_BRACKET;
}

export function isString(text: string, { start }: JsonSpan): boolean {
  return text.charCodeAt(start) === QUOTE;
}

/** A value as a column has it: the characters of a string, a number as it is written, null for a null. */
export function jsonText(text: string, span: JsonSpan): string | null {
  const written = text.slice(span.start, span.end);
  if (isString(text, span)) return JSON.parse(written) as string;
  return written === 'null' ? null : written;
}

function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return endOfString(text, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(text, start);
  let at = start;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // A comma, a closing bracket or a blank.
    if (code === 0x2c || code === CLOSE_BRACKET || code === CLOSE_BRACE || code <= 0x20) break;
  }
  return at;
}

function endOfNested(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

/** @param start of the opening quote @returns behind the closing one */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}
