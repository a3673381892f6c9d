/** What only the CSV target does: the dialect, exact texts, formulas. */
import fc from 'fast-check';
import { parse, type Options } from 'csv-parse/sync';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import { csv } from '../../targets/csv';
import { openFiles } from '../support/file-table';
import type { TextRow } from '../support/parts';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'a, "b"', type: STRING },
];

/** The text of the one file. */
async function write(
  rows: TextRow[],
  options: Record<string, unknown> = {},
  schema = SCHEMA,
): Promise<string> {
  const files = openFiles(csv, options);
  await files.run(schema, [rows]);
  const [path = ''] = files.list();
  return readFileSync(files.at(path), 'utf8');
}

/** As another program reads it: a field without quotes that is the text of a null is one. */
function read(text: string, options: Options = {}, nullText = ''): TextRow[] {
  const cast = (field: string, { quoting }: { quoting: boolean }) =>
    field === nullText && !quoting ? null : field;
  return parse(text, { ...options, cast }) as unknown as TextRow[];
}

describe('a CSV file', () => {
  it('quotes what needs it, and tells null from an empty text', async () => {
    const rows: TextRow[] = [
      ['1', 'plain'],
      ['2', 'a,b'],
      ['3', 'say "x"'],
      ['4', 'two\nlines'],
      ['5', 'one\rtwo'],
      ['6', ''],
      [null, null],
      ['8', ' blanks '],
      ['9', 'nul \0 ünï 👩‍🚀 \ufeff'],
    ];
    expect(await write(rows)).toBe(
      'id,"a, ""b"""\n1,plain\n2,"a,b"\n3,"say ""x"""\n4,"two\nlines"\n5,"one\rtwo"\n6,""\n,\n8, blanks \n9,nul \0 ünï 👩‍🚀 \ufeff\n',
    );
  });

  it('has the exact texts of numbers, and dates and times as ISO 8601 has them', async () => {
    const schema: Schema = [
      { name: 'integer', type: INTEGER },
      { name: 'decimal', type: decimal(38, 4) },
      { name: 'float', type: FLOAT },
      { name: 'flag', type: BOOLEAN },
      { name: 'day', type: DATE },
      { name: 'at', type: TIMESTAMP },
    ];
    const rows: TextRow[] = [
      // prettier-ignore
      ['-9223372036854775808', '9999999999999999999999999999999999.9999', '0.1', 'true', '0001-01-01', '0001-01-01 00:00:00'],
      ['0', '-0.5', '5e-324', 'false', '9999-12-31', '9999-12-31 23:59:59.999999'],
      ['1', '0', '-0.0', null, null, '2026-01-01 10:00:00.5'],
    ];
    const [, ...lines] = (await write(rows, {}, schema)).trimEnd().split('\n');
    expect(lines).toEqual([
      '-9223372036854775808,9999999999999999999999999999999999.9999,0.1,true,0001-01-01,0001-01-01T00:00:00Z',
      '0,-0.5000,5e-324,false,9999-12-31,9999-12-31T23:59:59.999999Z',
      '1,0.0000,-0.0,,,2026-01-01T10:00:00.5Z',
    ]);
  });

  it('has the dialect that is asked for', async () => {
    const rows: TextRow[] = [
      ['1', `it's; here`],
      [null, 'NULL'],
      ['3', ''],
    ];
    const given = { delimiter: ';', quote: "'", line_ending: 'crlf', null_text: 'NULL', header: false };
    expect(await write(rows, given)).toBe("1;'it''s; here'\r\nNULL;'NULL'\r\n3;\r\n");
    expect(await write(rows.slice(0, 2), { quoting: 'all', bom: true })).toBe(
      `\ufeff"id","a, ""b"""\n"1","it's; here"\n,"NULL"\n`,
    );
    expect(await write([['1', 'a\tb']], { delimiter: '\t', header: false })).toBe('1\t"a\tb"\n');
  });

  it('gives back every value in every dialect', async () => {
    const field = fc.option(fc.string({ unit: fc.constantFrom(...',;|\t"\'\n\r a0NUL-=ü🙂\0\\#') }));
    const dialects = {
      delimiter: fc.constantFrom(',', ';', '\t', '|', '§'),
      quote: fc.constantFrom('"', "'"),
      quoting: fc.constantFrom('minimal', 'all'),
      line_ending: fc.constantFrom('lf', 'crlf'),
      null_text: fc.constantFrom('', 'NULL', 'a0'),
      header: fc.boolean(),
    };
    const rows = fc.array(fc.tuple(field, field, field), { minLength: 1 });
    const schema = ['a', 'b', 'c'].map((name) => ({ name, type: STRING }));
    await fc.assert(
      fc.asyncProperty(rows, fc.record(dialects), async (texts, dialect) => {
        const { delimiter, quote, null_text } = dialect;
        const reader = {
          delimiter,
          quote,
          escape: quote,
          record_delimiter: dialect.line_ending === 'lf' ? '\n' : '\r\n',
        };
        const found = read(await write(texts, dialect, schema), reader, null_text);
        expect(dialect.header ? found.slice(1) : found).toEqual(texts);
      }),
      { numRuns: 25 },
    );
  });

  it('of one column has no empty line: an empty text is quoted, a null refused without a text of its own', async () => {
    const schema: Schema = [{ name: 'only', type: STRING }];
    expect(await write([[''], ['x']], {}, schema)).toBe('only\n""\nx\n');
    expect(await write([[''], [null]], { null_text: '-' }, schema)).toBe('only\n""\n-\n');
    await expect(write([['x'], [null]], {}, schema)).rejects.toMatchObject({
      code: 'TARGET_INCOMPATIBLE',
      hint: expect.stringContaining('null_text') as string,
    });
  });

  it('with escape_formulas runs nothing in a spreadsheet, and keeps numbers', async () => {
    const texts = [
      '=1+1',
      '+1-1',
      '-1+1',
      '@x',
      '\tx',
      '\rx',
      '\nx',
      '-5',
      '+49',
      '-5.5',
      "it's",
      'a=1',
      '-',
      '',
    ];
    const rows = texts.map((text) => ['-1', text]);
    const schema: Schema = [SCHEMA[0]!, { name: '=name', type: STRING }];
    const found = read(await write(rows, { escape_formulas: true }, schema), { record_delimiter: '\n' });
    expect(found.map(([, text]) => text)).toEqual([
      // prettier-ignore
      ...["'=name", "'=1+1", "'+1-1", "'-1+1", "'@x", "'\tx", "'\rx", "'\nx", '-5', '+49', '-5.5', "it's", 'a=1', "'-", ''],
    ]);
    expect(found.slice(1).every(([id]) => id === '-1')).toBe(true);
  });
});

describe('one CSV file of several parts', () => {
  const parts: TextRow[][] = [[['2', 'b']], [['1', null]]];

  it.each([
    ['out/x.csv', (bytes: Buffer) => bytes],
    ['out/x.csv.gz', gunzipSync],
    ['out/x.TSV', (bytes: Buffer) => bytes],
  ])('has one header and the rows in order: %s', async (path, unpack) => {
    const files = openFiles(csv, { path, bom: true });
    await files.run(SCHEMA, [[['0', 'old']]]);
    await files.run(SCHEMA, parts);
    const text = '\ufeffid,"a, ""b"""\n2,b\n1,\n';
    expect(unpack(readFileSync(files.at())).toString()).toBe(text);
    await files.run(SCHEMA, []);
    expect(unpack(readFileSync(files.at())).toString()).toBe('\ufeffid,"a, ""b"""\n');
  });

  it('in a folder are one file each, gzipped if asked', async () => {
    const files = openFiles(csv, { compression: 'gzip' });
    await files.run(SCHEMA, parts);
    const texts = files.list().map((path) => gunzipSync(readFileSync(files.at(path))).toString());
    expect(texts).toEqual(['id,"a, ""b"""\n2,b\n', 'id,"a, ""b"""\n1,\n']);
  });
});

describe('options of a CSV target', () => {
  it.each([
    [{ delimiter: ',,' }, 'delimiter'],
    [{ delimiter: '5' }, 'delimiter'],
    [{ delimiter: '.' }, 'delimiter'],
    [{ delimiter: '"' }, 'quote'],
    [{ quote: '\n' }, 'quote'],
    [{ null_text: 'a,b' }, 'null_text'],
    [{ bom: true, header: false }, 'bom'],
    [{ path: 'x.csv', mode: 'append' }, 'mode'],
    [{ path: 'x.csv', compression: 'gzip' }, 'compression'],
    [{ path: 'x.csv.gz', compression: 'none' }, 'compression'],
    [{ mode: 'merge' }, 'mode'],
  ])('%j: the problem is named', (given, key) => {
    const parsed = csv.options.safeParse({ path: 'out', ...given });
    expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual([key]);
  });
});
