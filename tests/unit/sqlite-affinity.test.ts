/** Every type of a pipeline into every declared type of SQLite: the values read back as they were, or are refused. */
import {
  BOOLEAN,
  DATE,
  decimal,
  FLOAT,
  INTEGER,
  STRING,
  TIMESTAMP,
  UNKNOWN,
  type ColumnType,
  type TypeKind,
} from '../../pipeline/types';
import { openTable } from '../support/sqlite-table';

/** Values that a wrong affinity changes, and how SQLite must give them back. */
const VALUES: Record<TypeKind, { type: ColumnType; values: [string | null, unknown][] }> = {
  // A column of only nulls goes with every column.
  unknown: { type: UNKNOWN, values: [[null, null]] },
  string: {
    type: STRING,
    values: [
      '007',
      '1e3',
      '1.10',
      '12',
      ' 5 ',
      '0x10',
      '',
      '-0',
      '9007199254740993',
      'NULL',
      '2026-01-01',
    ].map((text) => [text, text]),
  },
  integer: {
    type: INTEGER,
    values: ['0', '-7', '9007199254740993', '9223372036854775807', '-9223372036854775808'].map((text) => [
      text,
      BigInt(text),
    ]),
  },
  decimal: {
    type: decimal(38, 2),
    values: [
      ['1.10', 1.1],
      ['2.00', 2n],
      ['9007199254740993.00', 9007199254740993n],
      ['-0.01', -0.01],
      ['1234567890123.45', 1234567890123.45],
    ],
  },
  float: {
    type: FLOAT,
    values: ['0.1', '1e300', '-2.5', '5e-324', '9007199254740992', '3'].map((text) => [text, Number(text)]),
  },
  boolean: {
    type: BOOLEAN,
    values: [
      ['true', 1n],
      ['false', 0n],
    ],
  },
  date: { type: DATE, values: [['2026-01-02', '2026-01-02']] },
  timestamp: {
    type: TIMESTAMP,
    values: [
      ['2026-01-02 03:04:05', '2026-01-02 03:04:05'],
      ['2026-01-02 03:04:05.000001', '2026-01-02 03:04:05.000001'],
    ],
  },
};

/** By declared type the kinds that go into it; `decimal` into REAL only as far as a REAL can hold them. */
const TAKES: Record<string, TypeKind[]> = {
  '': ['string', 'integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  INTEGER: ['integer', 'boolean'],
  'UNSIGNED BIG INT': ['integer', 'boolean'],
  TEXT: ['string', 'date'],
  'VARCHAR(20)': ['string', 'date'],
  CLOB: ['string', 'date'],
  DECIMAL_TEXT: ['string', 'date', 'decimal'],
  BLOB: [],
  REAL: ['decimal', 'float'],
  'DOUBLE PRECISION': ['decimal', 'float'],
  FLOAT: ['decimal', 'float'],
  NUMERIC: ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  'DECIMAL(10,2)': ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  BOOLEAN: ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  DATE: ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  DATETIME: ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  // Its name does not help: the affinity of STRING is NUMERIC.
  STRING: ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  ANY: ['integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
  'INT, STRICT': ['integer', 'boolean'],
  'INTEGER, STRICT': ['integer', 'boolean'],
  'REAL, STRICT': ['decimal', 'float'],
  'TEXT, STRICT': ['string', 'date'],
  'BLOB, STRICT': [],
  'ANY, STRICT': ['string', 'integer', 'decimal', 'float', 'boolean', 'date', 'timestamp'],
};

const KINDS = Object.keys(VALUES) as TypeKind[];
const PAIRS = Object.entries(TAKES).flatMap(([declared, takes]) =>
  KINDS.map((kind) => [kind, declared, kind === 'unknown' || takes.includes(kind)] as const),
);

function create(declared: string) {
  const [type = '', strict = ''] = declared.split(', ');
  const table = openTable();
  table.execute(`CREATE TABLE t (x ${type}) ${strict}`);
  return table;
}

describe('a value of a pipeline in a column of SQLite', () => {
  it.each(PAIRS.filter(([, , takes]) => takes))('is kept as it was: %s into "%s"', async (kind, declared) => {
    const { type, values } = VALUES[kind];
    const table = create(declared);
    const isReal = /REAL|DOUBLE|FLOAT/.test(declared);
    const fitting = values.filter(
      ([text]) => !(kind === 'decimal' && isReal && text?.startsWith('9007') === true),
    );
    await table.run(
      [{ name: 'x', type }],
      fitting.map(([text]) => [text]),
    );
    const found = table.query('SELECT x FROM t').flat();
    const expected = fitting.map(([text, value]) => (declared === 'DECIMAL_TEXT' ? text : value));
    // SQLite stores a double without a fraction as an integer where that takes less room.
    const isDouble = kind === 'float' || (kind === 'decimal' && isReal);
    expect(isDouble ? found.map(Number) : found).toEqual(isDouble ? expected.map(Number) : expected);
  });

  it.each(PAIRS.filter(([, , takes]) => !takes))(
    'is refused by check: %s into "%s"',
    async (kind, declared) => {
      const table = create(declared);
      const check = table.target().check([{ name: 'x', type: VALUES[kind].type }]);
      await expect(check).rejects.toMatchObject({
        code: 'TARGET_INCOMPATIBLE',
        message: expect.stringContaining(
          `column "x" is ${declared.split(', ')[0]}, the pipeline has`,
        ) as string,
      });
    },
  );
});
