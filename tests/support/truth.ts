/** The truth table: 24 columns of extreme values, as sources have them, and as they must be in every target. */

export type TruthKind = 'integer' | 'decimal' | 'float' | 'boolean' | 'date' | 'timestamp' | 'string';

/** A text of the source, or null; with another one where the target's value is written differently: a time in UTC. */
type Cell = string | null | readonly [text: string, expected: string];

export interface TruthColumn {
  name: string;
  kind: TruthKind;
  cells: readonly Cell[];
  /** The type must be declared, as texts do not show it. */
  declared?: boolean;
}

const MAX_38 = '9'.repeat(38);

export const TRUTH: readonly TruthColumn[] = [
  column('small_integer', 'integer', ['0', '1', '-1', '42', '-2147483648', '2147483647', '4294967296']),
  column('int64', 'integer', ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0']),
  column('integer_null', 'integer', ['1', null, '9007199254740993', null, '-3']),
  column('money', 'decimal', ['0.10', '-12.50', '1234567.89', '0.00', '-0.01', '99.95']),
  column('decimal_traps', 'decimal', ['8.7', '1.005', '883406386745030.3', '0.1', '0.3', '-2.675']),
  column('decimal_18', 'decimal', ['123456789012345.678', '-999999999999999.999', '0.001']),
  column('decimal_38_0', 'decimal', [MAX_38, `-${MAX_38}`, '1', '18446744073709551616']),
  column('decimal_38_10', 'decimal', [`${'1234567890'.repeat(2)}12345678.0123456789`, '-0.0000000001']),
  column('decimal_38_38', 'decimal', [`0.${'1234567890'.repeat(3)}12345678`, `-0.${'0'.repeat(37)}1`]),
  column('decimal_null', 'decimal', ['1.5', null, '-0.25']),
  {
    ...column('float', 'float', [
      '1.7976931348623157e308',
      '5e-324',
      '-2.2250738585072014e-308',
      '0.1',
      '1e22',
    ]),
    declared: true,
  },
  { ...column('float_zero', 'float', ['-0.0', '0.0', '-1.5', null]), declared: true },
  column('boolean', 'boolean', ['true', 'false', null]),
  column('date', 'date', [
    '0001-01-01',
    '9999-12-31',
    '1582-10-10',
    '1900-02-28',
    '2000-02-29',
    '1969-12-31',
  ]),
  column('date_null', 'date', ['2026-03-01', null]),
  column('timestamp', 'timestamp', [
    '0001-01-01 00:00:00',
    '9999-12-31 23:59:59.999999',
    '2026-03-29 02:30:00',
  ]),
  column('microseconds', 'timestamp', ['1969-12-31 23:59:59.999999', '2026-01-01 00:00:00.000001', null]),
  column('timestamp_offset', 'timestamp', [
    ['2026-03-01T00:30:00+05:30', '2026-02-28 19:00:00'],
    ['2026-03-01T00:30:00.5Z', '2026-03-01 00:30:00.500000'],
  ]),
  column('identifier', 'string', ['00012', '1_000', '+5', '1e5', 'infinity', 'NaN', '0x10', '-0', '1,5']),
  column('near_date', 'string', ['2026-02-30', '12/31/2026', '2026-01-01 24:00:00', '12:00', '20260101']),
  column('empty_or_null', 'string', ['', null, 'null', 'NULL', 'None', 'NA', '""', ' ']),
  column('naughty', 'string', [
    'a,b;c\td|e',
    'line\nfeed',
    'carriage\r\nreturn',
    `"quoted" 'quoted' \`quoted\``,
    '\\ \\n \\\\',
    "'); DROP TABLE truth; --",
    '=1+1',
    '  blanks around  ',
    '${HOME} $1 {{x}} %s',
    '<b>&amp;</b>',
  ]),
  column('größe "m" of', 'string', [
    'Zürich',
    '東京',
    '🙂👩‍👩‍👧',
    'e\u0301',
    '\u202eabc',
    '\ufeffx',
    '\u200b',
    'ﬃ',
  ]),
  column('long', 'string', ['x'.repeat(100_000), 'ä'.repeat(70_000), null]),
];

function column(name: string, kind: TruthKind, cells: readonly Cell[]): TruthColumn {
  return { name, kind, cells };
}

/** Rows of the table; a column with fewer cells begins again. */
export const TRUTH_ROWS = Math.max(...TRUTH.map(({ cells }) => cells.length));

/** The column that gives rows their order: the number of the row. */
export const ROW = 'row_number';

export const NULL_TEXT = '\\N';

/** The texts of a row in its source. */
export function sourceRow(row: number): (string | null)[] {
  return TRUTH.map(({ cells }) => {
    const cell = cells[row % cells.length] ?? null;
    return typeof cell === 'string' || cell === null ? cell : cell[0];
  });
}

/** By row and column what every target must have: a text in the normal form of the kind, see {@link normalize}. */
export function expectedRows(): (string | null)[][] {
  return rows((row) =>
    TRUTH.map(({ kind, cells }) => {
      const cell = cells[row % cells.length] ?? null;
      return cell === null ? null : normalize(kind, typeof cell === 'string' ? cell : cell[1]);
    }),
  );
}

function rows<T>(make: (row: number) => T): T[] {
  return Array.from({ length: TRUTH_ROWS }, (_, row) => make(row));
}

/** One text for all spellings of a value: no zeros at the end of a fraction, six digits of a second. */
export function normalize(kind: TruthKind, text: string): string {
  switch (kind) {
    case 'integer':
      return text.replace(/\.0+$/, '');
    case 'decimal':
      return withoutExponent(text)
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, '')
        .replace(/^(-?)\./, '$10.');
    case 'float':
      return Object.is(Number(text), -0) ? '-0' : String(Number(text));
    case 'boolean':
      return /^(true|t|1|1\.0)$/i.test(text) ? 'true' : /^(false|f|0|0\.0)$/i.test(text) ? 'false' : text;
    case 'date':
      return text.replace(/ 00:00:00(\.0+)?$/, '');
    case 'timestamp':
      return withMicroseconds(text);
    case 'string':
      return text;
  }
}

function withoutExponent(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]?\d+)$/i.exec(text) ?? [];
  if (exponent === undefined) return text;
  const shift = Number(exponent);
  const digits = `${'0'.repeat(Math.max(0, -shift))}${whole}${fraction}${'0'.repeat(Math.max(0, shift))}`;
  const point = Math.max(0, -shift) + whole.length + shift;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`.replace(/^(-?)0+(?=\d)/, '$1');
}

function withMicroseconds(written: string): string {
  const text = written.replace('T', ' ').replace(/Z$/, '');
  const [, second = text, digits = ''] = /^([^+]*:\d\d)(?:\.(\d+?)0*)?(?:\+00(?::00)?)?$/.exec(text) ?? [];
  return `${second}.${digits.padEnd(6, '0')}`;
}

/** Whether what was read of a column is what it must be. */
export function isTrue(target: string, found: string | null | undefined, expected: string | null): boolean {
  // SQLite has one zero.
  return found === expected || (target === 'sqlite' && expected === '-0' && found === '0');
}

/** The table as CSV with `\N` for a null, so that an empty text is a text. */
export function truthCsv(): string {
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const header = [ROW, ...TRUTH.map(({ name }) => name)].map(quote).join(',');
  const records = rows((row) =>
    [String(row), ...sourceRow(row).map((text) => (text === null ? NULL_TEXT : quote(text)))].join(','),
  );
  return `${[header, ...records].join('\n')}\n`;
}

/** The table as texts of JSON objects: numbers and booleans as they are written, all else as strings. @param only one of the columns */
export function truthObjects(only?: string): string[] {
  return rows((row) => {
    const texts = sourceRow(row);
    const members = TRUTH.map(({ name, kind }, index) => {
      const text = texts[index] ?? null;
      const plain = text === null || ['integer', 'decimal', 'float', 'boolean'].includes(kind);
      return `${JSON.stringify(name)}: ${plain ? text : JSON.stringify(text)}`;
    });
    const shown = members.filter((_, index) => only === undefined || TRUTH[index]?.name === only);
    return `{"${ROW}": ${row}, ${shown.join(', ')}}`;
  });
}

/** Options of the CSV source that reads {@link truthCsv}. */
export const CSV_OPTIONS = { null_values: [NULL_TEXT] };

/** `validation.schema` of a pipeline that reads the table. */
export const TRUTH_SCHEMA = Object.fromEntries(
  TRUTH.filter(({ declared }) => declared).map(({ name, kind }) => [name, { type: kind }]),
);
