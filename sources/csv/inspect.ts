/** Finds, at the speed of native search, what DuckDB may read differently from the careful lane. */
import { isUtf8 } from 'node:buffer';
import type { Dialect, DialectBytes } from './boundaries';

/** `certain`: for the careful lane; `maybe`: the records must be checked. */
export type Suspicion = 'certain' | 'maybe' | null;

/** @param piece whole lines of a file: it ends after a line break, or where the file ends */
export function inspect(piece: Buffer, newline: Dialect['newline'], codes: DialectBytes): Suspicion {
  if (!isUtf8(piece) || piece.includes(0)) return 'certain';
  const { quote, escape, blank } = codes;
  const stray = findStrayBreak(piece, newline);
  if (stray || quote === -1) return stray;
  // A quote that is open at the end of the file, after an escape.
  if (escape !== quote) return piece.at(-1) === escape ? 'maybe' : null;
  return blank !== -1 && hasQuotePair(piece, quote, blank) ? 'maybe' : null;
}

/** A quote, blanks and a quote. */
function hasQuotePair(piece: Buffer, quote: number, blank: number): boolean {
  const blankAfterQuote = Buffer.from([quote, blank]);
  for (let at = piece.indexOf(blankAfterQuote); at !== -1; at = piece.indexOf(blankAfterQuote, at + 2)) {
    let next = at + 2;
    while (piece[next] === blank) next++;
    if (piece[next] === quote) return true;
  }
  return false;
}

/**
 * Line breaks of another kind, which DuckDB may take for ends of records, or for nothing. A newline in the quotes
 * of a CRLF file is common, and DuckDB reads it right.
 */
function findStrayBreak(piece: Buffer, newline: Dialect['newline']): Suspicion {
  if (newline === '\r') return piece.includes(10) ? 'certain' : null;
  if (newline === '\n') return piece.includes(13) ? 'maybe' : null;
  for (let at = piece.indexOf(13); at !== -1; at = piece.indexOf(13, at + 2)) {
    if (piece[at + 1] !== 10) return 'certain';
  }
  return null;
}
