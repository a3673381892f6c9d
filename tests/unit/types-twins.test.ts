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
const SPELLINGS: Spelling[] = ['usual', 'canonical'];
const CASES = TYPES.flatMap((type) =>
  RULES.flatMap((rules) => SPELLINGS.map((spelling) => ({ type, rules, spelling }))),
);

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
const anyText = fc.oneof(
  { weight: 6, arbitrary: nearlyValid },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !text.includes('\0')),
  },
);

/** One query for all texts and cases: per text and case the value as text, or null where it does not fit. */
async function castAll(texts: readonly string[]): Promise<(string | null)[][]> {
  const casts = CASES.map(
    ({ type, rules, spelling }, index) =>
      `CAST(${castText(ident('text'), type, rules, spelling)} AS VARCHAR) AS c${index}`,
  );
  const values = texts.map((text, index) => `(${index}, ${literal(text)})`).join(', ');
  const sql = `SELECT ${casts.join(', ')} FROM (VALUES ${values}) AS t(number, "text") ORDER BY number`;
  return inDuckdb(async (db) => {
    const rows = await db.all(sql);
    return rows.map((row) => CASES.map((_, index) => row[`c${index}`] as string | null));
  });
}

async function assertTwins(texts: readonly string[]): Promise<void> {
  const cast = await castAll(texts);
  const disagreements = texts.flatMap((text, row) =>
    CASES.flatMap(({ type, rules, spelling }, index) => {
      const misfit = explainMismatch(text, type, rules, spelling);
      const value = cast[row]?.[index] ?? null;
      const told = `${JSON.stringify(text)} as ${formatType(type)} ${spelling} "${rules.decimal_separator}"`;
      if ((misfit === null) !== (value !== null))
        return [`${told}: JavaScript ${misfit ?? 'fits'}, SQL ${value}`];
      const isExact = type.kind === 'integer' || type.kind === 'decimal';
      if (value === null || !isExact) return [];
      const plain = text.replace(rules.decimal_separator, '.').replace('+', '');
      return plainDecimal(value) === plainDecimal(plain) ? [] : [`${told}: became ${value}`];
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
    await fc.assert(fc.asyncProperty(batch, assertTwins), { numRuns: 8, endOnFailure: true });
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
