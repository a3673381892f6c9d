/** First lines that are no header: comments, and what spreadsheets write for themselves. */
import type { Dialect } from './boundaries';
import { unreadable, type Head, type HeadOptions } from './head';

const LINE_CHARS_MAX = 80;
/** Lines of comments that are counted: the maximum of skip_rows. */
const LINES_MAX = 1000;
const COMMENT = /^#(\s|#|$)/;
const SEPARATOR = /^"?sep=(.)"?$/i;

/**
 * @returns warnings
 * @throws FlexetlError SOURCE_UNREADABLE that says how many lines to skip
 */
export function checkFirstLine(
  head: Head,
  { offset, line }: { offset: number; line: number },
  newline: Dialect['newline'],
  options: HeadOptions,
): string[] {
  // Whoever names the mark of comments has seen them.
  if (options.comment !== undefined) return [];
  const lines = readLines(head.bytes, offset, newline);
  const at = lines.findIndex((text) => text !== '');
  const text = lines[at];
  if (text === undefined) return [];
  if (!options.header)
    return COMMENT.test(text)
      ? [`has a first line that looks like a comment, read as a record; if it is one, set comment: "#"`]
      : [];
  const delimiter = SEPARATOR.exec(text)?.[1];
  if (delimiter !== undefined) {
    throw unreadable(
      head,
      `names its delimiter in line ${line + at}: ${JSON.stringify(text)}`,
      `Set skip_rows: ${options.skip_rows + at + 1} and delimiter: ${JSON.stringify(delimiter)}.`,
      line + at,
    );
  }
  const next = lines.slice(at).findIndex((one) => !one.startsWith('#'));
  if (next === 0 || (next === 1 && !COMMENT.test(text))) return [];
  const comments = at + (next === -1 ? lines.length - at : next);
  const shown = text.length > LINE_CHARS_MAX ? `${text.slice(0, LINE_CHARS_MAX)}…` : text;
  throw unreadable(
    head,
    `has a comment in line ${line + at}, where the header is expected: ${JSON.stringify(shown)}`,
    `Set skip_rows: ${options.skip_rows + comments}; or comment: "#", if there may be more; if it is the header, set header: false, columns and skip_rows: ${options.skip_rows + at + 1}.`,
    line + at,
  );
}

/** Lines up to the first one that is neither blank nor a comment. */
function readLines(bytes: Buffer, from: number, newline: Dialect['newline']): string[] {
  const code = newline.charCodeAt(newline.length - 1);
  const lines: string[] = [];
  for (let at = from; at < bytes.length && lines.length < LINES_MAX;) {
    const found = bytes.indexOf(code, at);
    const end = found === -1 ? bytes.length : found;
    const line = bytes.toString('utf8', at, end).trimEnd();
    lines.push(line);
    if (line !== '' && !line.startsWith('#')) break;
    at = end + 1;
  }
  return lines;
}
