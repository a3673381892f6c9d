/** What a file is: lines or a document; and what it is not. */
import { FlexetlError } from '../../pipeline/errors';
import type { JsonOptions } from './options';
import { createRecordReader } from './record';
import { CLOSE_ARRAY, endOfAnything, LINE_FEED, OPEN_ARRAY, OPEN_OBJECT, skipBlanks } from './tokens';

export interface Layout {
  isDocument: boolean;
  /** Offset behind a byte order mark. */
  start: number;
}

const MARK = Buffer.from('\ufeff');
const HTML = /^<(!doctype\s+html|html|head|body|table)[\s>]/i;

/**
 * @param head the first bytes of the plain text, and two zero bytes
 * @param length of the head
 * @param final the head is the whole file
 * @throws FlexetlError SOURCE_UNREADABLE
 */
export function detectLayout(
  shown: string,
  head: Buffer,
  length: number,
  final: boolean,
  options: Pick<JsonOptions, 'format' | 'record_path'>,
): Layout {
  const start = head.subarray(0, MARK.length).equals(MARK) ? MARK.length : 0;
  const at = skipBlanks(head, start);
  const isArray = head[at] === OPEN_ARRAY;
  if (at >= length)
    return { isDocument: options.format === 'array' || options.record_path !== undefined, start };
  assertJson(shown, head, at, length, options.format === 'ndjson');
  if (options.record_path !== undefined) return { isDocument: true, start };
  const format = options.format ?? (isArray ? 'array' : 'ndjson');
  if (format === 'array' && !isArray) throw notRecords(shown, 'is one object, not an array of records');
  if (options.format === undefined && !isArray && isOneDocument(head, at, length, final))
    throw notRecords(shown, 'is one object over several lines, not one record per line');
  return { isDocument: format === 'array', start };
}

/** @param anyLine each line is a record, good or broken */
function assertJson(shown: string, head: Buffer, at: number, length: number, anyLine: boolean): void {
  const first = head[at];
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return;
  const text = head.toString('utf8', at, Math.min(length, at + 1000));
  if (HTML.test(text)) {
    throw unreadable(
      shown,
      'is a web page (HTML), not JSON',
      'It may be an error or a sign-in page: look at it in a browser, and download the data again.',
    );
  }
  if (anyLine && !text.startsWith('<')) return;
  const what = text.startsWith('<') ? 'is XML, not JSON' : 'is not JSON: it starts with neither { nor [';
  throw unreadable(shown, what, 'For delimited text set type: csv. Check how the file was made.');
}

function notRecords(shown: string, what: string): FlexetlError {
  return unreadable(
    shown,
    what,
    'Say where its records are: record_path: $.items if they are in its key items, or record_path: $ if the object is one record.',
  );
}

/** The first object goes on after its line, and is whole or the only thing there is. */
function isOneDocument(head: Buffer, at: number, length: number, final: boolean): boolean {
  const lineEnd = head.indexOf(LINE_FEED, at);
  if (lineEnd === -1 || lineEnd >= length) return false;
  const reader = createRecordReader({ columns: [], ignoreOthers: true, oneLine: true });
  if (reader.read(head, at) >= 0 || reader.problem.at < lineEnd) return false;
  const end = endOfAnything(head, at, length, final);
  const next = skipBlanks(head, lineEnd);
  // The next line is no record, so the first one is not a broken one among others.
  return end !== -1 ? end > lineEnd : head[next] !== OPEN_OBJECT && head[next] !== CLOSE_ARRAY;
}

export function unreadable(shown: string, what: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message: `${shown} ${what}.`, hint });
}
