/** Generators of CSV files, from clean but nasty to plainly broken. */
import fc from 'fast-check';
import type { Values } from './source-sandbox';

/** A file whose records are known. */
export interface KnownCsv {
  bytes: Buffer;
  /** Where the lines of a footer begin, which are no records; absent: there are none. */
  dataEnd?: number;
  options: Record<string, unknown>;
  rows: Values[];
  /** Physical line, record number and byte offset of each row, counted while writing. */
  places: { line: number; record: number; byteOffset: number }[];
}

const NASTY_TEXT = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'a',
    '0012',
    'NA',
    'null',
    'x y',
    ' x ',
    '\t',
    '""',
    "'",
    'ß→🙂',
    '\u00a0',
    '\ufeff',
    '#',
    '\\',
  ),
  fc.string({
    unit: fc.constantFrom('a', 'é', '🙂', ',', ';', '"', "'", '\n', '\r\n', '\r', ' ', '\t', '|', '\\', '0'),
    maxLength: 8,
  }),
  fc.string({ unit: 'grapheme', maxLength: 5 }).filter((text) => !text.includes('\0')),
);

/** Clean files with every nastiness that is legal: both lanes must read them without a single broken record. */
export const knownCsv: fc.Arbitrary<KnownCsv> = fc
  .record({
    delimiter: fc.constantFrom(',', ';', '\t', '|', ' ', '||', '\u00a6', '\x01'),
    /** Comments before the header and before records. */
    comment: fc.constantFrom(undefined, undefined, '#'),
    footer: fc.constantFrom(0, 0, 2),
    /** Some records have too few fields, or too many. */
    padded: fc.boolean(),
    truncated: fc.boolean(),
    quote: fc.constantFrom('"', "'"),
    backslash: fc.boolean(),
    /** A backslash is escaped only where it must be. */
    bareEscapes: fc.boolean(),
    newline: fc.constantFrom('\n', '\r\n'),
    bom: fc.boolean(),
    finalNewline: fc.boolean(),
    header: fc.boolean(),
    quotedHeader: fc.boolean(),
    skipRows: fc.constantFrom(0, 0, 2),
    nullValues: fc.constantFrom<string[]>([''], ['', 'NA'], ['NA'], []),
    trim: fc.boolean(),
    columnCount: fc.integer({ min: 1, max: 4 }),
    rows: fc.array(
      fc.array(
        fc.record({
          text: NASTY_TEXT,
          quoted: fc.boolean(),
          // Blanks around the quotes.
          before: fc.constantFrom(0, 0, 1, 3),
          after: fc.constantFrom(0, 0, 2),
        }),
        { minLength: 4, maxLength: 4 },
      ),
      {
        maxLength: 12,
      },
    ),
    blankLines: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 2 }),
  })
  .map(({ delimiter, quote, newline, columnCount, ...wish }) => {
    const shape = { ...wish, header: wish.header || wish.rows.length === 0 };
    const escape = shape.backslash ? '\\' : quote;
    const { comment } = shape;
    const write = (text: string, quoted: boolean, before = 0, after = 0): string => {
      const needed =
        [...delimiter].some((char) => text.includes(char)) ||
        (comment !== undefined && text.startsWith(comment)) ||
        /[\r\n]/.test(text) ||
        text.trimStart().startsWith(quote) ||
        text.startsWith('\ufeff');
      if (!quoted && !needed) return text;
      const bare = shape.bareEscapes ? new RegExp(`\\\\(?=[\\\\${quote}]|$)`, 'g') : /\\/g;
      const escaped = shape.backslash ? text.replace(bare, '\\\\') : text;
      const [left, right] = delimiter === ' ' ? [0, 0] : [before, after];
      return ' '.repeat(left) + quote + escaped.replaceAll(quote, escape + quote) + quote + ' '.repeat(right);
    };
    let out = shape.bom ? '\ufeff' : '';
    let line = 1;
    for (let skipped = 0; skipped < shape.skipRows; skipped++, line++) out += `made ${quote}by${newline}`;
    const addComment = (): void => {
      if (comment === undefined) return;
      out += `${comment} it's ${quote}odd${delimiter} \u00e9${newline}`;
      line++;
    };
    addComment();
    if (shape.header) {
      const name = (index: number): string =>
        shape.quotedHeader && index === 0 ? 'first\nname' : `c${index}`;
      const names = Array.from({ length: columnCount }, (_, index) => write(name(index), shape.quotedHeader));
      out += names.join(delimiter) + newline;
      line += 1 + (shape.quotedHeader ? 1 : 0);
    }
    const rows: Values[] = [];
    const places: KnownCsv['places'] = [];
    shape.rows.forEach((row, rowIndex) => {
      const cells = row.slice(0, columnCount);
      // Without a header the first record fixes the number of columns, so it must not look like an empty line.
      if (!shape.header && rowIndex === 0 && columnCount === 1)
        cells[0] = { text: 'first', quoted: true, before: 0, after: 0 };
      if (columnCount > 1 && shape.blankLines.includes(rowIndex) && (shape.header || rowIndex > 0)) {
        out += newline;
        line++;
      }
      if (shape.blankLines.includes(rowIndex + 1) && (shape.header || rowIndex > 0)) addComment();
      places.push({ line, record: rowIndex + 1, byteOffset: Buffer.byteLength(out) });
      const isFree = shape.header || rowIndex > 0;
      if (shape.padded && isFree && rowIndex % 3 === 1 && columnCount > 2)
        for (const cell of cells.splice(2)) cells.push({ ...cell, text: '', quoted: false });
      const written = cells.map(({ text, quoted, before, after }) => write(text, quoted, before, after));
      if (shape.padded && isFree && rowIndex % 3 === 1 && columnCount > 2) written.splice(2);
      else if (shape.truncated && isFree && rowIndex % 3 === 2) written.push('', 'x', write('y,z', true));
      const record = written.join(delimiter);
      out += record + newline;
      line += record.split('\n').length;
      rows.push(
        cells.map(({ text }) => {
          const value = shape.trim ? text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '') : text;
          return shape.nullValues.includes(value) ? null : value;
        }),
      );
    });
    const dataEnd = Buffer.byteLength(out);
    if (shape.footer > 0) out += `total${quote}${delimiter}${newline}#end${newline}`;
    const endsInText = !out.endsWith(newline + newline) && (rows.length > 0 || shape.footer > 0);
    const text = shape.finalNewline || !endsInText ? out : out.slice(0, -newline.length);
    return {
      bytes: Buffer.from(text),
      ...(shape.footer > 0 && { dataEnd }),
      options: {
        delimiter,
        quote,
        ...(shape.backslash ? { escape } : {}),
        header: shape.header,
        skip_rows: shape.skipRows,
        null_values: shape.nullValues,
        trim: shape.trim,
        ...(comment === undefined ? {} : { comment }),
        skip_footer: shape.footer,
        null_padding: shape.padded,
        truncate_ragged_lines: shape.truncated,
      },
      rows,
      places,
    };
  });

const TOKENS = ['#', 'a', '1', ' ', ',', ',', '"', '"', '""', '\\', "'", 'é', '\ufeff', '\t', 'NA', 'a'];
/** Now and then a break of another kind than the file's, or one inside what may be quotes. */
const BREAKS = ['\n', '\r\n', '\r'];
const BAD_BYTES = [
  Buffer.from([0]),
  Buffer.from([0xff]),
  Buffer.from([0xc3]),
  Buffer.from([0xed, 0xa0, 0x80]),
];

/** Anything at all after a header: what one lane makes of it, the other must not contradict. */
export const dirtyCsv: fc.Arbitrary<{ bytes: Buffer; options: Record<string, unknown> }> = fc
  .record({
    columnCount: fc.integer({ min: 1, max: 3 }),
    newline: fc.constantFrom('\n', '\r\n', '\r'),
    lines: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        {
          weight: 2,
          arbitrary: fc.constantFrom(
            'a,b,c',
            '"a","b"',
            '"a,",b,""',
            '1,"x\ny",2',
            'a',
            'a,b,,',
            '',
            ' "a" , "b" ',
            '  "a",   "b"',
            '"a"  ,"b"  ',
            'a  "x, y" z,b',
            '"a","b",""',
            '"a","b","" ',
            'a,b,',
            '"C:\\x","say \\"y\\""',
            'a\r,b',
            'a,b\r',
            '"a"\r',
            'a,"b\rc"',
          ),
        },
        { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(...TOKENS), maxLength: 6 }) },
        { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...TOKENS, ...BREAKS), maxLength: 8 }) },
      ),
      { maxLength: 6 },
    ),
    bad: fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.record({ bytes: fc.constantFrom(...BAD_BYTES), at: fc.nat({ max: 60 }) }) },
    ),
    finalNewline: fc.boolean(),
    escape: fc.constantFrom(undefined, undefined, '\\'),
    quote: fc.constantFrom('"', '"', '"', ''),
    nullValues: fc.constantFrom([''], ['NA'], ['', 'NA']),
    comment: fc.constantFrom(undefined, undefined, '#'),
    padded: fc.constantFrom(false, false, true),
    truncated: fc.constantFrom(false, false, true),
    header: fc.boolean(),
  })
  .map(({ columnCount, newline, lines, ...shape }) => {
    const columns = Array.from({ length: columnCount }, (_, index) => `c${index}`);
    const good = ['x', '"y,"', '"z ""z"""'].slice(0, columnCount).join(',');
    const body = lines.map((text) => (text === '1,"x\ny",2' ? text.replace('\n', newline) : (text ?? good)));
    const all: string =
      (shape.header ? [columns.join(','), ...body] : body).join(newline) +
      (shape.finalNewline ? newline : '');
    const bytes = Buffer.from(all);
    const at = Math.min(
      bytes.length,
      (shape.header ? columns.join(',').length + 2 : 0) + (shape.bad?.at ?? 0),
    );
    return {
      bytes: shape.bad ? Buffer.concat([bytes.subarray(0, at), shape.bad.bytes, bytes.subarray(at)]) : bytes,
      options: {
        delimiter: ',',
        quote: shape.quote,
        ...(shape.escape && shape.quote ? { escape: shape.escape } : {}),
        null_values: shape.nullValues,
        ...(shape.comment === undefined ? {} : { comment: shape.comment }),
        null_padding: shape.padded,
        truncate_ragged_lines: shape.truncated,
        header: shape.header,
        ...(shape.header ? {} : { columns }),
      },
    };
  });
