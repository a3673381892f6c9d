/** What only the Parquet target does: types, folders by values, sizes of files. */
import fc from 'fast-check';
import { existsSync, mkdirSync } from 'node:fs';
import { LIMITS } from '../../pipeline/limits';
import {
  BOOLEAN,
  DATE,
  decimal,
  FLOAT,
  INTEGER,
  STRING,
  TIMESTAMP,
  UNKNOWN,
  type Schema,
} from '../../pipeline/types';
import { parquet } from '../../targets/parquet';
import { folderName } from '../../targets/parquet/partitions';
import { openFiles } from '../support/file-table';
import { HOSTILE_TEXTS } from '../support/hostile-texts';
import { LOAD_KEY, queryPart } from '../support/parts';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'country', type: STRING },
];

const hive = (at: (...names: string[]) => string, columns: string): string =>
  `SELECT ${columns} FROM read_parquet('${at()}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false) ORDER BY ALL`;

describe('Parquet files', () => {
  it('have the types and names of the columns, timestamps in UTC', async () => {
    const schema: Schema = [
      { name: 'a b', type: INTEGER },
      { name: 'größe "m"', type: decimal(38, 10) },
      { name: 'small', type: decimal(9, 2) },
      { name: 'day', type: DATE },
      { name: 'at', type: TIMESTAMP },
      { name: 'ratio', type: FLOAT },
      { name: 'flag', type: BOOLEAN },
      { name: 'nothing', type: UNKNOWN },
    ];
    const files = openFiles(parquet, {});
    await files.run(schema, [[['1', '1.5', '1', '2026-01-01', '2026-01-01 00:00:00', '1', 'true', null]]]);
    const kinds = 'name, type, converted_type, logical_type';
    const sql = `SELECT ${kinds} FROM parquet_schema('${files.at()}/*.parquet') WHERE num_children IS NULL`;
    expect(
      (await files.query(sql)).map(([name, ...is]) => `${name}: ${is.filter(Boolean).join(' ')}`),
    ).toEqual([
      'a b: INT64 INT_64',
      'größe "m": FIXED_LEN_BYTE_ARRAY DECIMAL DecimalType(scale=10, precision=38)',
      'small: INT32 DECIMAL DecimalType(scale=2, precision=9)',
      'day: INT32 DATE',
      expect.stringMatching(/^at: INT64 TIMESTAMP_MICROS TimestampType\(isAdjustedToUTC=1, .*MicroSeconds/),
      'ratio: DOUBLE',
      'flag: BOOLEAN',
      'nothing: BYTE_ARRAY UTF8',
    ]);
  });

  it.each([
    ['zstd', 'ZSTD'],
    ['snappy', 'SNAPPY'],
    ['gzip', 'GZIP'],
    ['none', 'UNCOMPRESSED'],
  ])('are compressed as asked: %s', async (compression, expected) => {
    const files = openFiles(parquet, { compression });
    await files.run(SCHEMA, [[['1', 'DE']]]);
    const sql = `SELECT DISTINCT compression FROM parquet_metadata('${files.at()}/*.parquet')`;
    expect(await files.query(sql)).toEqual([[expected]]);
  });

  it('have no more rows than asked for, in order', async () => {
    const files = openFiles(parquet, { max_rows_per_file: 3 });
    const rows = Array.from({ length: 8 }, (_, id) => [`${id}`, null]);
    await files.run(SCHEMA, [rows, rows.slice(0, 1)]);
    expect(files.manifest().files.map((file) => file.rows)).toEqual([3, 3, 2, 1]);
    const sql = `SELECT id FROM read_parquet('${files.at()}/*.parquet')`;
    expect((await files.query(sql)).flat()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '0']);
  });

  it('without rows show their columns', async () => {
    const files = openFiles(parquet, {});
    await files.run(SCHEMA, []);
    const described = `SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet('${files.at()}/*.parquet'))`;
    expect(await files.query(described)).toEqual([
      ['id', 'BIGINT'],
      ['country', 'VARCHAR'],
    ]);
    await files.run(SCHEMA, [[['1', 'DE']]], { mode: 'append' });
    expect(await files.query(`SELECT * FROM read_parquet('${files.at()}/*.parquet')`)).toEqual([['1', 'DE']]);
  });

  it('are one file where the path names one, of all parts in order', async () => {
    const files = openFiles(parquet, { path: 'out/all.parquet' });
    await files.run(SCHEMA, [[['1', 'old']]]);
    expect(await files.run(SCHEMA, [[['2', 'b']], [['1', null]]])).toEqual({
      rows: 2,
      inserted: 2,
      updated: 0,
    });
    expect(await files.query(`SELECT * FROM read_parquet('${files.at()}')`)).toEqual([
      ['2', 'b'],
      ['1', null],
    ]);
    await files.run(SCHEMA, []);
    expect(await files.query(`SELECT count(*) FROM read_parquet('${files.at()}')`)).toEqual([['0']]);
  });
});

describe('partition_by', () => {
  const partitioned = (options = {}) => openFiles(parquet, { partition_by: ['country'], ...options });

  it('gives every value a folder in which hive readers find it, and no file stands elsewhere', async () => {
    const values = [
      ...new Set([
        ...HOSTILE_TEXTS,
        '..',
        '.',
        '',
        'a/../../b',
        '%2F',
        'NULL',
        'null',
        'a=b',
        'DE',
        'de',
        '\\',
        '~',
      ]),
    ].filter((text) => Buffer.byteLength(encodeURIComponent(text)) < 200);
    const files = partitioned();
    const rows = [...values, null].map((value, id) => [String(id), value]);
    await files.run(SCHEMA, [rows]);
    const found = await files.query(hive(files.at, 'id::INT, url_encode(country)'));
    expect(found.map(([id, text]) => [id, text && decodeURIComponent(text)])).toEqual(rows);
    const paths = files.list();
    expect(paths).toEqual(
      files
        .manifest()
        .files.map(({ path }) => path)
        .sort(),
    );
    expect(paths.filter((path) => !/^country=[\w.%-]*\/[\w.-]+\.parquet$/.test(path))).toEqual([]);
    const kept = files.manifest().files.map(({ partition }) => partition?.['country']);
    expect(new Set(kept)).toEqual(new Set([...values, null]));
  });

  it('encodes any text so that it is decoded again, in one name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const name = folderName('c', text);
        expect(name).toMatch(/^c=[\w.%-]*$/);
        expect(decodeURIComponent(name.slice(2))).toBe(text);
      }),
    );
  });

  it('takes several columns of any type, nested in their order', async () => {
    const schema: Schema = [
      { name: 'id', type: INTEGER },
      { name: 'day', type: DATE },
      { name: 'price', type: decimal(5, 2) },
      { name: 'at', type: TIMESTAMP },
    ];
    const files = openFiles(parquet, { partition_by: ['price', 'day', 'at'] });
    await files.run(schema, [
      [
        ['1', '2026-01-02', '1.5', '2026-01-01 10:00:00'],
        ['2', null, null, null],
      ],
    ]);
    const nothing = '__HIVE_DEFAULT_PARTITION__';
    expect(files.list().map((path) => path.replace(/\/[^/]*$/, ''))).toEqual([
      'price=1.50/day=2026-01-02/at=2026-01-01%2010%3A00%3A00',
      `price=${nothing}/day=${nothing}/at=${nothing}`,
    ]);
  });

  it('writes one file for each of many values and keeps the order of rows in it', async () => {
    const files = partitioned();
    const part = await queryPart(
      SCHEMA,
      `SELECT range AS id, 'c' || range % 500 AS country FROM range(20000)`,
      20_000,
    );
    await files.open().load(LOAD_KEY, part);
    await files.open().publish(LOAD_KEY, SCHEMA, 20_000);
    expect(files.list()).toHaveLength(500);
    const one = await files.query(`SELECT id FROM read_parquet('${files.at('country=c7')}/*.parquet')`);
    expect(one.flat()).toEqual(Array.from({ length: 40 }, (_, n) => String(7 + 500 * n)));
  });

  it('divides a folder by max_rows_per_file', async () => {
    const files = partitioned({ max_rows_per_file: 2 });
    await files.run(SCHEMA, [['1', '2', '3', '4', '5'].map((id) => [id, id === '4' ? 'b' : 'a'])]);
    expect(files.manifest().files.map(({ rows, partition }) => [rows, partition?.['country']])).toEqual([
      [2, 'a'],
      [2, 'a'],
      [1, 'b'],
    ]);
    expect(await files.query(hive(files.at, 'id'))).toHaveLength(5);
  });

  it('leaves no old folder behind when the rows are replaced', async () => {
    const files = partitioned();
    await files.run(SCHEMA, [[['1', 'old']]]);
    await files.run(SCHEMA, [[['1', 'new']]]);
    expect(existsSync(files.at('country=old'))).toBe(false);
    expect(await files.query(hive(files.at, 'country'))).toEqual([['new']]);
  });

  it('keeps values apart that differ only in case, and refuses them where the file system cannot', async () => {
    const files = partitioned({ mode: 'append' });
    await files.run(SCHEMA, [[['1', 'DE']], [['2', 'de']]]);
    expect(await files.query(hive(files.at, 'id, country'))).toEqual([
      ['1', 'DE'],
      ['2', 'de'],
    ]);
    const other = partitioned({ mode: 'append' });
    // As a file system shows itself that ignores case.
    mkdirSync(other.at('_FLEXETL'), { recursive: true });
    await other.run(SCHEMA, [[['1', 'DE']]]);
    await expect(other.run(SCHEMA, [[['2', 'de']]])).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining('ignores case') as string,
    });
  });

  it.each([
    [['no_such'], 'there is no column "no_such"'],
    [['id', 'country'], 'no column is left'],
  ])('is refused for columns %j', async (partition_by, message) => {
    await expect(partitioned({ partition_by }).open().check(SCHEMA)).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each(['a/b', 'a=b', '..', '%41', '_hidden'])('is refused for a column named %s', async (name) => {
    const schema: Schema = [...SCHEMA, { name, type: STRING }];
    await expect(
      partitioned({ partition_by: [name] })
        .open()
        .check(schema),
    ).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
    });
  });

  it.each([
    ['a value that readers take as null', '__HIVE_DEFAULT_PARTITION__', 'take as null'],
    ['a value too long for a name', 'ü'.repeat(60), 'too long'],
  ])('is refused for %s, and nothing is published', async (_, value, message) => {
    const files = partitioned();
    await files.run(SCHEMA, [[['1', 'old']]]);
    await expect(files.run(SCHEMA, [[['2', value]]])).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining(message) as string,
    });
    expect(await files.query(hive(files.at, 'country'))).toEqual([['old']]);
  });

  it('is refused where it makes too many folders', async () => {
    const most = LIMITS.filePartitionsMax;
    const part = await queryPart(
      SCHEMA,
      `SELECT range AS id, 'c' || range AS country FROM range(${most + 1})`,
      most + 1,
    );
    const files = partitioned();
    await expect(files.open().load(LOAD_KEY, part)).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      message: expect.stringContaining(`more than ${most} folders`) as string,
    });
  });

  it('is refused with a path that names one file', () => {
    const parsed = parquet.options.safeParse({ path: 'out/x.parquet', partition_by: ['a'], mode: 'append' });
    expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual(['mode', 'partition_by']);
    expect(parquet.options.safeParse({ path: 'out/x.parquet/', partition_by: ['a'] }).success).toBe(true);
  });
});

describe('two columns whose names differ only in case', () => {
  it('are refused: readers would take one for the other', async () => {
    const twin = { name: 'ID', type: STRING };
    const refused = { code: 'TARGET_INCOMPATIBLE', message: expect.stringContaining('"ID"') as string };
    const files = openFiles(parquet, { mode: 'append' });
    await expect(files.open().check([...SCHEMA, twin])).rejects.toMatchObject(refused);
    await files.run(SCHEMA, [[['1', 'DE']]]);
    await expect(files.open().check([twin])).rejects.toMatchObject(refused);
  });
});
