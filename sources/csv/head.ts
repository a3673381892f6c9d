/** The head of a file, and how it is refused. */
import { FlexetlError } from '../../pipeline/errors';
import { createCut, cutRecord, dialectBytes, type Dialect, type RecordCut } from './boundaries';
import type { CsvOptions } from './options';

/** The options that detection needs. */
export type HeadOptions = Omit<CsvOptions, 'path' | 'encoding'>;

/** The head of a file of plain UTF-8 text. */
export interface Head {
  /** As shown to users. */
  path: string;
  bytes: Buffer;
  /** The head is the whole file. */
  final: boolean;
}

/** @param line of the file, 1-based, where it shows */
export function unreadable(head: Head, what: string, hint: string, line?: number): FlexetlError {
  const place = { file: head.path, record: 0, column: null, value: null, reason: 'the header' };
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: `${head.path} ${what}.`,
    hint,
    ...(line === undefined ? {} : { places: [{ ...place, line }] }),
  });
}

/** The whole records of the head, at most `recordsMax`. */
export function cutHead(head: Head, from: number, dialect: Dialect, recordsMax: number): RecordCut[] {
  const codes = dialectBytes(dialect);
  const cuts: RecordCut[] = [];
  for (let at = from; at < head.bytes.length && cuts.length < recordsMax;) {
    const cut = createCut();
    at = cutRecord(head.bytes, at, head.final, codes, cut);
    if (at < 0) break;
    cuts.push(cut);
  }
  if (cuts.length === 0 && !head.final) {
    throw unreadable(
      head,
      `has a first line over ${head.bytes.length} bytes`,
      'Check that it is a CSV file.',
      1,
    );
  }
  return cuts;
}
