import fc from 'fast-check';
import { INSTANT, LOCAL } from '../../pipeline/schema';
import { castText, ident, literal } from '../../pipeline/sql';
import {
  BOOLEAN,
  DATE,
  decimal,
  explainMismatch,
  FLOAT,
  formatType,
  INTEGER,
  parseType,
  sameType,
  STRING,
  TIMESTAMP,
  type ColumnType,
  type Spelling,
  type TextRules,
} from '../../pipeline/types';
import { plainText } from '../../pipeline/text-forms';
import { HOSTILE_TEXTS, REFUSED_TEXTS } from '../support/hostile-texts';
import { plainDecimal } from '../support/sales';
import { inDuckdb } from '../support/rows';

const TYPES: ColumnType[] = [
  STRING,
  INTEGER,
  FLOAT,
  BOOLEAN,
  DATE,
  TIMESTAMP,
  LOCAL,
  INSTANT,
  decimal(1, 0),
  decimal(4, 4),
  decimal(9, 2),
  decimal(18, 6),
  decimal(38, 0),
  decimal(38, 18),
  decimal(38, 38),
];
const RULES: TextRules[] = [{ decimal_separator: '.' }, { decimal_separator: ',' }];
/** Each form in one of these at least. */
const FORMS: TextRules[] = [
  {
    decimal_separator: '.',
    thousands_separator: ',',
    number_signs: ['€', 'EUR', '%', '$'],
    true_values: ['ja', "d'accord"],
    false_values: ['nein', ''],
    date_format: '%d.%m.%Y',
    timestamp_format: '%d.%m.%Y %H:%M:%S.%f%z',
  },
  { decimal_separator: ',', thousands_separator: '.', date_format: '%d-%b-%y' },
  { decimal_separator: '.', thousands_separator: ' ', timestamp_format: '%A, %B %d, %Y %I:%M %p' },
  {
    decimal_separator: ',',
    thousands_separator: "'",
    date_format: '%Y%m%d',
    timestamp_format: '%m/%d/%y %R',
  },
];
const SPELLINGS: Spelling[] = ['usual', 'canonical'];
type Case = { type: ColumnType; rules: TextRules; spelling: Spelling };
const casesOf = (all: readonly TextRules[]): Case[] =>
  TYPES.flatMap((type) => all.flatMap((rules) => SPELLINGS.map((spelling) => ({ type, rules, spelling }))));
const CASES = casesOf(RULES);

const digits = fc.stringMatching(/^[0-9]{0,41}$/);
/** Built as numbers and times are, and then spoilt or not by a character in some place. */
const nearlyValid = fc
  .tuple(
    fc.oneof(
      fc.tuple(
        fc.constantFrom('', '-', '+'),
        digits,
        fc.constantFrom('', '.', ','),
        digits,
        fc.constantFrom('', '', 'e5', 'E-7'),
      ),
      fc.tuple(
        fc.integer({ min: 0, max: 10_000 }).map((year) => String(year).padStart(4, '0')),
        fc.constantFrom('-01', '-02', '-12', '-13', '-00'),
        fc.integer({ min: 0, max: 32 }).map((day) => `-${String(day).padStart(2, '0')}`),
        fc.constantFrom('', ' ', 'T', ' 08:05', 'T23:59:59', ' 00:00:00.5', ' 24:00'),
        fc.constantFrom('', 'Z', '+01:00', '-1200', '-08', '+25:00'),
      ),
    ),
    fc.option(fc.tuple(fc.nat(12), fc.constantFrom(' ', '_', '0', '-', '.', ',', 'e', '\n', '٣', 'x', ':'))),
  )
  .map(([parts, spoil]) => {
    const text = parts.join('');
    return spoil ? text.slice(0, spoil[0]) + spoil[1] + text.slice(spoil[0]) : text;
  });
const SPOILS = [' ', '.', ',', '\u00a0', '%', '0', 'x', '\n', '-', "'"];
/** Numbers, days, times and words in the forms of users, spoilt or not. */
const formedText = fc
  .tuple(
    fc.oneof(
      fc.tuple(
        fc.constantFrom('', '€', '€ ', '-', '-€', '€-', 'EUR\u00a0', '$'),
        fc.stringMatching(/^[0-9]{1,4}([,. '\u00a0\u2019][0-9]{2,3}){0,4}$/),
        fc.constantFrom('', '.5', ',50', 'e5', '.'),
        fc.constantFrom('', '%', ' %', ' EUR', '€'),
      ),
      fc.tuple(
        fc.stringMatching(/^([0-3]?[0-9][.-]([01]?[0-9]|Jan|sep|DEC)[.-]([0-9]{2}|20[0-9]{2})|[0-9]{7,8})$/),
        fc.constantFrom('', ' 10:00:00.5', ' 1:02:03.123456Z', ' 23:59:60.0+05:30'),
      ),
      fc.tuple(
        fc.constantFrom(
          'Monday, May 1, 2026',
          'Tue, JUNE 31, 0001',
          '2/29/24',
          '12/31/1969',
          '1/1/69',
          '01/02/68',
        ),
        fc.constantFrom(' 1:05 pm', ' 12:00 AM', ' 13:00 PM', ' 0:00 am', ' 9:5', ' 23:59', ''),
      ),
      fc.tuple(fc.constantFrom('ja', 'nein', "d'accord", 'Ja', 'true', '')),
    ),
    fc.option(fc.tuple(fc.nat(12), fc.constantFrom(...SPOILS)), { freq: 2 }),
  )
  .map(([parts, spoil]) => {
    const text = parts.join('');
    return spoil ? text.slice(0, spoil[0]) + spoil[1] + text.slice(spoil[0]) : text;
  });
const anyText = fc.oneof(
  { weight: 6, arbitrary: nearlyValid },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0')),
  },
);

/** One query for all texts and cases: per text and case the value as text, or null where it does not fit. */
async function castAll(
  texts: readonly string[],
  cases: readonly Case[] = CASES,
): Promise<(string | null)[][]> {
  const casts = cases.map(
    ({ type, rules, spelling }, index) =>
      `CAST(${castText(ident('text'), type, rules, spelling)} AS VARCHAR) AS c${index}`,
  );
  const values = texts.map((text, index) => `(${index}, ${literal(text)})`).join(', ');
  const sql = `SELECT ${casts.join(', ')} FROM (VALUES ${values}) AS t(number, "text") ORDER BY number`;
  return inDuckdb(async (db) => {
    const rows = await db.all(sql);
    return rows.map((row) => cases.map((_, index) => row[`c${index}`] as string | null));
  });
}

async function assertTwins(texts: readonly string[], cases: readonly Case[] = CASES): Promise<void> {
  const cast = await castAll(texts, cases);
  const disagreements = texts.flatMap((text, row) =>
    cases.flatMap(({ type, rules, spelling }, index) => {
      const misfit = explainMismatch(text, type, rules, spelling);
      const value = cast[row]?.[index] ?? null;
      const told = `${JSON.stringify(text)} as ${formatType(type)} ${spelling} "${rules.decimal_separator}"`;
      if ((misfit === null) !== (value !== null))
        return [`${told}: JavaScript ${misfit ?? 'fits'}, SQL ${value}`];
      const isExact = type.kind === 'integer' || type.kind === 'decimal';
      if (value === null || !isExact) return [];
      const plain = plainText(text, type.kind, rules)?.replace('+', '');
      return plainDecimal(value) === plainDecimal(plain ?? '') ? [] : [`${told}: became ${value}`];
    }),
  );
  expect(disagreements).toEqual([]);
}

describe('what a text is as a value', () => {
  it('is the same for JavaScript and for SQL, for every text that is known to confuse either', async () => {
    await assertTwins(HOSTILE_TEXTS);
  });

  it('is the same for JavaScript and for SQL, for generated texts', async () => {
    const batch = fc.array(anyText, { minLength: 150, maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(batch, (texts) => assertTwins(texts)),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it('is the same for JavaScript and for SQL in the forms that users declare', async () => {
    const cases = casesOf(FORMS);
    const batch = fc.array(formedText, { minLength: 120, maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(batch, (texts) => assertTwins(texts, cases)),
      { numRuns: 6, endOnFailure: true },
    );
    await assertTwins(HOSTILE_TEXTS, cases);
  });

  it('is a time in UTC when it has an offset, whose texts are compared and stored without one', async () => {
    const texts = [
      '2026-01-01 12:00:00-0530',
      '2026-01-01T12:00Z',
      '2026-01-01 00:30+01:00',
      '2026-01-01 12:00:00.25+00:00',
      '2026-01-01 12:00:00-08',
      '2026-01-01 12:00+00',
    ];
    const column = CASES.findIndex(({ type }) => type.kind === 'timestamp');
    expect((await castAll(texts)).map((row) => row[column])).toEqual([
      '2026-01-01 17:30:00',
      '2026-01-01 12:00:00',
      '2025-12-31 23:30:00',
      '2026-01-01 12:00:00.25',
      '2026-01-01 20:00:00',
      '2026-01-01 12:00:00',
    ]);
  });

  it.each(REFUSED_TEXTS)('%s: %j is none', (name, text, reason) => {
    const type = parseType(name);
    const column = type === 'decimal' || type === undefined ? decimal(38, 0) : type;
    expect(explainMismatch(text, column, { decimal_separator: '.' })).toBe(reason);
  });

  it('is never an exponent, a rounding or an infinity of an integer or a decimal', () => {
    for (const text of ['1e3', '8.7', 'infinity', '1_000', ' 5'])
      expect(explainMismatch(text, INTEGER, { decimal_separator: '.' })).toBe('not an integer');
    expect(explainMismatch('1.005', decimal(9, 2), { decimal_separator: '.' })).toBe(
      '3 digits after the point, decimal(9,2) has 2',
    );
  });
});

describe('a type as users write it', () => {
  it('reads back as it is printed', () => {
    for (const type of TYPES) {
      const read = parseType(formatType(type));
      expect(typeof read === 'object' && sameType(read, type)).toBe(true);
    }
  });

  it.each(['decimal(0,0)', 'decimal(39,2)', 'decimal(2,3)', 'decimal(2)', 'int', 'Integer', ''])(
    'is refused as %j',
    (text) => expect(parseType(text)).toBeUndefined(),
  );

  it('as plain decimal has the digits of the input', () => expect(parseType('decimal')).toBe('decimal'));
});
