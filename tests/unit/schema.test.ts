import fc from 'fast-check';
import { evidenceSql, parseEvidence } from '../../pipeline/evidence-sql';
import {
  declareColumns,
  mergeAllEvidence,
  mergeEvidence,
  evidenceOfDecimal,
  evidenceOfText,
  evidenceOfSample,
  NO_EVIDENCE,
  stagedSchema,
  typeOfEvidence,
  type SourceColumn,
  type TypeEvidence,
} from '../../pipeline/schema';
import { ident, literal } from '../../pipeline/sql';
import { explainMismatch, formatType, rulesOf, type TextRules } from '../../pipeline/types';
import { inDuckdb } from '../support/rows';

const POINT: TextRules = { decimal_separator: '.' };
const COMMA: TextRules = { decimal_separator: ',' };
const FORMS: TextRules = {
  decimal_separator: '.',
  thousands_separator: ',',
  number_signs: ['%'],
  true_values: ['ja', 'true'],
  false_values: ['nein'],
  date_format: '%d.%m.%Y',
  timestamp_format: '%d.%m.%Y %H:%M',
  columns: { c0: { date_format: '%Y/%m/%d' } },
};

const need: fc.Arbitrary<TypeEvidence> = fc.record({
  kind: fc.constantFrom(
    ...([
      'none',
      'integer',
      'decimal',
      'float',
      'date',
      'timestamp',
      'instant',
      'boolean',
      'string',
    ] as const),
  ),
  integerDigits: fc.nat(40),
  scale: fc.nat(40),
});
/** Texts of one family most of the time, as in a real column, with strangers among them. */
const columnTexts: fc.Arbitrary<(string | null)[]> = fc
  .constantFrom(
    fc.constantFrom('0', '-7', '12', '9223372036854775807', '9223372036854775808', '00012'),
    fc.constantFrom('1', '0.5', '.25', '-3.125', '12,5', '5.', '+1.5', '99999999999999999999.5', '007.5'),
    fc.constantFrom('2026-01-31', '2026-02-30', '2026-01-31 10:00', 'infinity'),
    fc.constantFrom('2026-01-31', '2026-01-31 10:00', '2026-01-31T10:00:00.5Z', '2026-01-31 10:00+01:00'),
    fc.constantFrom('-0', '-0.0', '-.5', '-0.05', '0.0', '-.00', '-12.50', '0'),
    fc.constantFrom('true', 'FALSE', 'yes', 't', '1', 'falſe'),
    fc.constantFrom(
      '0.12345678901234567890123456789012345678',
      '1.5',
      '0.123456789012345678901234567890123456789',
      '12345678901234567890',
    ),
    fc.constantFrom(
      '1e3',
      '-1.5E-7',
      '12',
      '0.1',
      '1e400',
      '9007199254740993',
      '0.30000000000000004',
      '01e3',
    ),
    fc.constantFrom('1,234', '12,34,567.5', '1,23', '5%', '-5 %', '1,234e2', '999', '0,123'),
    fc.constantFrom('31.01.2026', '1.2.2026', '31.02.2026', '2026/01/31', '31.01.2026 10:00', '2026-01-31'),
    fc.constantFrom('ja', 'nein', 'true', 'Ja', 'false'),
    fc.constantFrom('a', 'ß', ' 5', '1e3', '', "it's", 'nan'),
  )
  .chain((family) => fc.array(fc.option(family, { freq: 6 }), { maxLength: 8 }))
  .chain((texts) =>
    fc
      .option(fc.constantFrom('5', '1.5', 'x', '2026-01-01', 'true'), { freq: 2 })
      .map((one) => [...texts, one]),
  );

const open = (name: string): SourceColumn => ({ name, nullable: true, staged: true });
const wantingDecimal = (name: string): SourceColumn => ({ ...open(name), declared: 'decimal' });

describe('what texts need of a type', () => {
  it('merges the same in any order and grouping, and once or twice', () => {
    fc.assert(
      fc.property(need, need, need, (a, b, c) => {
        expect(mergeEvidence(a, b)).toEqual(mergeEvidence(b, a));
        expect(mergeEvidence(mergeEvidence(a, b), c)).toEqual(mergeEvidence(a, mergeEvidence(b, c)));
        expect(mergeEvidence(a, a)).toEqual(a);
        expect(mergeEvidence(a, NO_EVIDENCE)).toEqual(a);
      }),
    );
  });

  it('gives a type into which each of the texts fits', () => {
    fc.assert(
      fc.property(columnTexts, fc.constantFrom(POINT, COMMA, FORMS), (texts, rules) => {
        const [column] = stagedSchema(
          [open('c')],
          evidenceOfSample(
            [open('c')],
            texts.map((text) => [text]),
            rules,
          ),
        );
        for (const text of texts)
          if (text !== null && column)
            expect(explainMismatch(text, column.type, rulesOf(rules, 'c'), 'canonical')).toBeNull();
      }),
    );
  });

  it('is the same when it is counted by SQL and when it is looked at text by text', async () => {
    const tables = fc.array(columnTexts, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(tables, fc.constantFrom(POINT, COMMA, FORMS), async (columnsOfTexts, rules) => {
        const columns = columnsOfTexts.flatMap((_, index) => [
          open(`c${index}`),
          wantingDecimal(`d${index}`),
        ]);
        const height = Math.max(...columnsOfTexts.map((texts) => texts.length));
        const records = Array.from({ length: height }, (_, row) =>
          columnsOfTexts.flatMap((texts) => [texts[row] ?? null, texts[row] ?? null]),
        );
        const tuples = records.map((record) => `(${record.map(sqlText).join(', ')})`);
        const names = columns.map(({ name }) => ident(name)).join(', ');
        const relation = `(VALUES ${tuples.join(', ')}) AS t(${names})`;
        const counted = await inDuckdb((db) => db.one(evidenceSql(relation, columns, rules)));
        expect(parseEvidence(columns, counted)).toEqual(evidenceOfSample(columns, records, rules));
      }),
      { numRuns: 16 },
    );
  });

  it.each([
    [['1', '2'], 'integer'],
    [['1', '2.50'], 'decimal(18,2)'],
    [['1', '2.5', 'x'], 'string'],
    [['2026-01-01', '2026-01-01 10:00'], 'timestamp'],
    [['2026-01-01', '5'], 'string'],
    [['2026-01-01T10:00Z', '2026-01-01 10:00:00+05:30'], 'timestamp'],
    [['2026-01-01T10:00Z', '2026-01-01 10:00'], 'string'],
    [['2026-01-01T10:00Z', '2026-01-01'], 'string'],
    [['1.1', '1.10', '2'], 'decimal(18,2)'],
    [['.5', '-0.05', '-.25'], 'decimal(18,2)'],
    [['5', '-0'], 'string'],
    [['0.5', '-0.0'], 'string'],
    [['0.5', '-.00'], 'string'],
    [['5', '+5'], 'string'],
    [['5', '1e3'], 'float'],
    [['1e5', '0.1', '1.5E-7'], 'float'],
    [['1e5', '9007199254740993'], 'string'],
    [['0.12345678901234567', '1e5'], 'string'],
    [['1e5', '0.30000000000000004'], 'float'],
    [['1e400'], 'string'],
    [['1.2345678901234567890e5'], 'string'],
    [['1e5', '+5'], 'string'],
    [['1e5', '-0'], 'string'],
    [['true', 'FALSE'], 'boolean'],
    [['true', '1'], 'string'],
    [['00012', '7'], 'string'],
    [[null, null], 'unknown'],
    [['12345678901234567890'], 'decimal(38,0)'],
    [['99999999999999999999999999999999999999', '0.5'], 'string'],
  ])('of %j is %s', (texts, type) => {
    const column = open('c');
    const needs = evidenceOfSample(
      [column],
      texts.map((text) => [text]),
      POINT,
    );
    expect(stagedSchema([column], needs).map((one) => formatType(one.type))).toEqual([type]);
  });
});

function sqlText(text: string | null): string {
  return text === null ? 'CAST(NULL AS VARCHAR)' : literal(text);
}

describe('a column declared decimal', () => {
  it('has the largest scale of its values, and no value makes it text', () => {
    const column = wantingDecimal('c');
    const records = [['5'], ['0.125'], ['not a number'], [null], ['1'.repeat(39)]];
    const [typed] = stagedSchema([column], evidenceOfSample([column], records, POINT));
    expect(typed && formatType(typed.type)).toBe('decimal(18,3)');
  });

  it('does not ask for more than 38 digits', () => {
    expect(evidenceOfDecimal('1'.repeat(38), POINT)).toMatchObject({ kind: 'decimal', integerDigits: 38 });
    expect(evidenceOfDecimal('1'.repeat(39), POINT)).toBeNull();
    expect(evidenceOfDecimal(`${'1'.repeat(20)}.${'1'.repeat(19)}`, POINT)).toBeNull();
  });
});

describe('columns with their declarations', () => {
  it('keep the order of the source, and a declared column that it lacks is named with its neighbour', () => {
    const columns = declareColumns(['b', 'a', 'constructor'], {
      a: { type: 'decimal(5,2)', nullable: false },
    });
    expect(columns.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['b', true],
      ['a', false],
      ['constructor', true],
    ]);
    expect(() => declareColumns(['quantity'], { quantty: {} })).toThrow(
      expect.objectContaining({ code: 'SCHEMA_MISMATCH', hint: 'Did you mean "quantity"?' }),
    );
  });

  it('may be declared all at once, beside single ones', () => {
    const columns = declareColumns(['a', 'b', 'c'], {
      '*': { type: 'string', nullable: false },
      b: { type: 'integer' },
    });
    expect(columns.map(({ declared, nullable }) => [declared, nullable])).toEqual([
      [{ kind: 'string' }, false],
      [{ kind: 'integer' }, true],
      [{ kind: 'string' }, false],
    ]);
  });

  it('that are not staged are not in the schema', () => {
    expect(
      stagedSchema([{ ...open('a'), staged: false }, open('b')], new Map()).map(({ name }) => name),
    ).toEqual(['b']);
  });
});

describe('needs of several parts', () => {
  it('merge column by column, and an unknown column is taken as it is', () => {
    const integer = evidenceOfText('7', POINT);
    const text = evidenceOfText('x', POINT);
    const merged = mergeAllEvidence([
      new Map([['a', integer]]),
      new Map([
        ['a', text],
        ['b', integer],
      ]),
    ]);
    expect([merged.get('a')?.kind, merged.get('b')?.kind]).toEqual(['string', 'integer']);
    expect(typeOfEvidence(NO_EVIDENCE)).toEqual({ kind: 'unknown' });
  });
});
