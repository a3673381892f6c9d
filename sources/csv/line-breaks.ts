/** How the lines of a file end, by its head. */
import {
  CARRIAGE_RETURN,
  createCut,
  dialectBytes,
  findClosingQuote,
  LINE_FEED,
  NEED_MORE,
  type Dialect,
} from './boundaries';
import { DELIMITERS } from './delimiter';
import { unreadable, type Head, type HeadOptions } from './head';

const SPACE = 32;

/**
 * As the first line break outside quotes is: a lone carriage return only if no line feed follows outside quotes. Files
 * that mix `\r\n` and `\n` are read with `\n`, or with `\r\n`: both take either.
 * @throws FlexetlError SOURCE_UNREADABLE for lines that end with carriage returns and others that do not
 */
export function detectLineBreak(head: Head, from: number, options: HeadOptions): Dialect['newline'] {
  const { bytes } = head;
  if (!hasLoneReturn(head)) {
    if (bytes[bytes.indexOf(LINE_FEED) - 1] === CARRIAGE_RETURN) return '\r\n';
    if (!bytes.includes(CARRIAGE_RETURN)) return '\n';
  }
  const breaks = findBreaks(head, from, options);
  const first = breaks.next().value;
  if (first === undefined) return '\n';
  if (!isLoneReturn(bytes, first)) return bytes[first] === CARRIAGE_RETURN ? '\r\n' : '\n';
  if (bytes[first + 1] === CARRIAGE_RETURN && bytes[first + 2] === LINE_FEED) {
    throw unreadable(
      head,
      'has lines that end with two carriage returns and a line feed (CR CR LF)',
      'Its line breaks were converted twice: write the file again, or remove its carriage returns.',
      1,
    );
  }
  let line = 2;
  for (const at of breaks) {
    if (!isLoneReturn(bytes, at)) {
      const other = bytes[at] === LINE_FEED ? 'a line feed (LF)' : 'CR LF';
      throw unreadable(
        head,
        `mixes line breaks: line 1 ends with a carriage return (CR), line ${line} with ${other}`,
        'Write it with one kind of line break, or put texts with carriage returns in quotes.',
        line,
      );
    }
    line += 1;
  }
  return '\r';
}

function isLoneReturn(bytes: Buffer, at: number): boolean {
  return bytes[at] === CARRIAGE_RETURN && bytes[at + 1] !== LINE_FEED;
}

/** One at the end of the head may have its line feed after it. */
function hasLoneReturn({ bytes, final }: Head): boolean {
  const end = final ? bytes.length : bytes.length - 1;
  for (let at = bytes.indexOf(CARRIAGE_RETURN); at !== -1; at = bytes.indexOf(CARRIAGE_RETURN, at + 1)) {
    if (at < end && isLoneReturn(bytes, at)) return true;
  }
  return false;
}

/**
 * The offsets of line breaks that are not in quotes: of the carriage return, where a line feed follows. A quote that the
 * file does not close is text, and so are those of comments and of the lines that are skipped.
 */
function* findBreaks({ bytes, final }: Head, from: number, options: HeadOptions): Generator<number> {
  const { quote, escape = quote, comment = '', skip_rows } = options;
  const delimiters = options.delimiter === undefined ? DELIMITERS : [options.delimiter];
  const codes = dialectBytes({ delimiter: '', quote, escape, newline: '\n', comment });
  const isDelimiter = new Set(delimiters.map((delimiter) => Buffer.from(delimiter).at(-1) ?? 0));
  const cut = createCut();
  let line = 0;
  const opensLine = (at: number): boolean => line++ >= skip_rows && bytes[at] !== codes.comment;
  let isRecord = opensLine(from);
  let opens = isRecord;
  for (let at = from; at < bytes.length; at++) {
    const found = bytes[at] ?? 0;
    if (found === codes.quote && opens) {
      const close = findClosingQuote(bytes, at, bytes.length, true, codes, cut);
      if (close !== NEED_MORE) at = close;
      else if (!final) return;
    }
    if (found === CARRIAGE_RETURN || found === LINE_FEED) {
      yield at;
      if (found === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) at++;
      opens = isRecord = opensLine(at + 1);
    } else if (isRecord && (found !== SPACE || isDelimiter.has(SPACE))) opens = isDelimiter.has(found);
  }
}
