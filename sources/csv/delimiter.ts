/** Which delimiter a file has, by its head. */
import type { Dialect } from './boundaries';
import { cutHead, unreadable, type Head, type HeadOptions } from './head';
import { splitRecords, type Fields } from './split';

export const DELIMITERS = [',', ';', '\t', '|'];
/** Not detected, as they are also text; but a file of one column may be one of these. */
const RARE_DELIMITERS = [':', '^', '~', '\x01', '\x1f'];
const RECORDS_MAX = 100;

interface Candidate {
  delimiter: string;
  /** The share of records with as many fields as the first one. */
  share: number;
}

/**
 * The delimiter that gives most records the same number of fields, at least two; the comma if none does. Where
 * several do, a file called `.tsv` has tabs.
 * @throws FlexetlError SOURCE_UNREADABLE for several others
 */
export function detectDelimiter(
  head: Head,
  from: number,
  options: HeadOptions,
  newline: Dialect['newline'],
): { delimiter: string; warning?: string } {
  const escape = options.escape ?? options.quote;
  const { quote, comment } = options;
  const dialect = { quote, escape, newline, ...(comment !== undefined && { comment }) };
  const tryAll = (delimiters: readonly string[], at = from): Candidate[] =>
    delimiters
      .filter((delimiter) => delimiter !== options.quote)
      .flatMap((delimiter) => tryDelimiter(head, at, { ...dialect, delimiter }));
  const found = tryAll(DELIMITERS);
  const share = Math.max(...found.map((one) => one.share));
  const best = found.filter((one) => one.share === share).map(({ delimiter }) => delimiter);
  const [delimiter = ',', ...others] = best;
  if (best.length === 0) {
    const next = head.bytes.indexOf(newline === '\r' ? 13 : 10, from) + 1;
    const [below] = next === 0 ? [] : tryAll(DELIMITERS, next).filter((one) => one.share === 1);
    // With a comma the records show it: they are rejected.
    if (below && below.delimiter !== delimiter) {
      const found = JSON.stringify(below.delimiter);
      return {
        delimiter,
        warning: `is read as one column; below its first line the delimiter may be ${found}: if that line is a title, set skip_rows: ${options.skip_rows + 1}`,
      };
    }
    const [rare] = tryAll(RARE_DELIMITERS).filter((one) => one.share === 1);
    if (rare)
      return {
        delimiter,
        warning: `is read as one column; its delimiter may be ${JSON.stringify(rare.delimiter)}`,
      };
  }
  if (others.length === 0) return { delimiter };
  const names = best.map((one) => JSON.stringify(one)).join(' and ');
  if (best.includes('\t') && /\.tsv(\.(gz|zst|zip))?$/i.test(head.path)) {
    return {
      delimiter: '\t',
      warning: `could have the delimiter ${names}: read with tabs, as it is a .tsv file`,
    };
  }
  throw unreadable(
    head,
    `could have the delimiter ${names}: they give the same records as many fields as the first line`,
    'Set delimiter to the right one.',
    1,
  );
}

function tryDelimiter(head: Head, from: number, dialect: Dialect): Candidate[] {
  const cuts = cutHead(head, from, dialect, RECORDS_MAX).filter(
    (cut) => cut.textEnd > cut.start && !cut.comment,
  );
  const counts = splitRecords({ bytes: head.bytes, cuts }, dialect).map((row: Fields) =>
    Array.isArray(row) ? row.length : 0,
  );
  const [fields = 0] = counts;
  if (fields < 2) return [];
  const share = counts.filter((count) => count === fields).length / counts.length;
  return [{ delimiter: dialect.delimiter, share }];
}
