/** Finds in a chunk's bytes, at the speed of native search, what DuckDB may read differently from the careful lane. */
import { isUtf8 } from 'node:buffer';
import { marksOf, type Dialect } from './boundaries';

/** `certain`: for the careful lane; `maybe`: to be cut into records to tell. */
export type Suspicion = 'certain' | 'maybe' | null;

/** Looks at consecutive pieces for what DuckDB would let pass. */
export function createInspector(dialect: Dialect): (piece: Buffer, last: boolean) => Suspicion {
  const { quote, escape, blank } = marksOf(dialect);
  let lastByte = 10;
  const findQuotePair = createPairFinder(quote, blank);
  let carry: Buffer = Buffer.alloc(0);
  return (piece, last) => {
    const end = last ? piece.length : completeUtf8(piece);
    const text = carry.length === 0 ? piece.subarray(0, end) : Buffer.concat([carry, piece.subarray(0, end)]);
    carry = piece.subarray(end);
    if (!isUtf8(text) || text.includes(0)) return 'certain';
    const stray = findStrayBreak(piece, lastByte, last, dialect);
    lastByte = piece.at(-1) ?? 0;
    if (stray) return stray;
    if (quote === -1) return null;
    if (escape !== quote) return last && piece.at(-1) === escape ? 'maybe' : null;
    return blank !== -1 && findQuotePair(piece) ? 'maybe' : null;
  };
}

/** Finds a quote, blanks and a quote, also where they lie across pieces. */
function createPairFinder(quote: number, blank: number): (piece: Buffer) => boolean {
  const blankAfterQuote = Buffer.from([quote, blank]);
  let pending: 'quote' | 'blanks' | null = null;
  return (piece) => {
    const skipBlanks = (from: number): number => {
      let next = from;
      while (next < piece.length && piece[next] === blank) next++;
      return next;
    };
    const leading = pending ? skipBlanks(0) : 0;
    if (piece[leading] === quote && (pending === 'blanks' || (pending && leading > 0))) return true;
    const onlyBlanks = pending !== null && leading === piece.length;
    pending = onlyBlanks ? 'blanks' : piece.at(-1) === quote ? 'quote' : null;
    for (let at = piece.indexOf(blankAfterQuote); at !== -1; at = piece.indexOf(blankAfterQuote, at + 2)) {
      const next = skipBlanks(at + 2);
      if (piece[next] === quote) return true;
      if (next === piece.length) pending = 'blanks';
    }
    return false;
  };
}

/**
 * Line breaks of another kind, which DuckDB may take for ends of records, or for nothing. A newline in the quotes
 * of a CRLF file is common, and DuckDB reads it right.
 */
function findStrayBreak(piece: Buffer, before: number, last: boolean, { newline }: Dialect): Suspicion {
  if (newline === '\r') return piece.includes(10) ? 'certain' : null;
  if (newline === '\n') return piece.includes(13) ? 'maybe' : null;
  if (before === 13 && piece[0] !== 10) return 'certain';
  for (let at = piece.indexOf(13); at !== -1; at = piece.indexOf(13, at + 2)) {
    if (at + 1 === piece.length ? last : piece[at + 1] !== 10) return 'certain';
  }
  return null;
}

/** The length of a piece without a character that its end cuts in two. */
function completeUtf8(piece: Buffer): number {
  for (let back = 1; back <= Math.min(3, piece.length); back++) {
    const byte = piece[piece.length - back] ?? 0;
    if (byte < 0x80) return piece.length;
    if (byte >= 0xc0) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return wanted > back ? piece.length - back : piece.length;
    }
  }
  return piece.length;
}
