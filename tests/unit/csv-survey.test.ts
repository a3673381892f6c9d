import { mkdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LIMITS } from '../../pipeline/limits';
import { csv } from '../../sources/csv';
import type { OpenSource } from '../../plugin/source';
import { landAll, openSandbox, readRecords, type Sandbox } from '../support/source-sandbox';

const sandbox = openSandbox();

const openCsv = (options: Record<string, unknown>, run: Sandbox = sandbox.freshRun()): OpenSource =>
  csv.open(csv.options.parse(options), run.context);

const survey = (options: Record<string, unknown>) => openCsv(options).survey();

/** All good rows of a source, record by record. */
async function rowsOf(options: Record<string, unknown>, partitionBytes = 64): Promise<unknown[]> {
  const source = openCsv(options);
  const landing = await landAll(source, partitionBytes);
  const records = await readRecords(source, landing.survey, landing.partitions);
  return records.map(({ values, reason }) => values ?? reason);
}

describe('the files of a CSV source', () => {
  it('are those of a folder or a glob, sorted bytewise, and no others', async () => {
    for (const name of ['b.csv', 'Z.csv', 'a.CSV', 'notes.txt', 'c.tsv'])
      sandbox.write(`many/${name}`, 'x,y\n1,2\n');
    sandbox.write('many/d.csv.gz', gzipSync('x,y\n3,4\n'));
    const names = async (path: string): Promise<string[]> =>
      (await survey({ path, delimiter: ',' })).files.map((file) => file.path);
    expect(await names('many')).toEqual(
      ['Z.csv', 'a.CSV', 'b.csv', 'c.tsv', 'd.csv.gz'].map((name) => `many/${name}`),
    );
    expect(await names('many/[bc].*')).toEqual(['many/b.csv', 'many/c.tsv']);
  });

  it('may have names that look like a glob', async () => {
    sandbox.write('odd/sales[1].csv', 'x\n1\n');
    expect(await rowsOf({ path: 'odd/sales[1].csv' })).toEqual([['1']]);
  });

  it.each([
    [
      'a missing file names what is there',
      'shop/sale.csv',
      'SOURCE_MISSING',
      /no file shop\/sale\.csv.*sales\.csv/,
      /Did you mean shop\/sales\.csv/,
    ],
    [
      'a missing folder is told apart',
      'nowhere/sales.csv',
      'SOURCE_MISSING',
      /folder does not exist/,
      /relative to the project/,
    ],
    ['a folder without files', 'hollow', 'SOURCE_MISSING', /hollow has no file named \*\.csv/, /relative/],
    ['a glob without matches', 'shop/*.psv', 'SOURCE_MISSING', /No file matches/, /relative/],
    ['an empty file', 'shop/empty.csv', 'SOURCE_UNREADABLE', /is empty, expected a header line/, /Check/],
    ['a device', '/dev/null', 'SOURCE_UNREADABLE', /not a regular file/, /file first/],
    [
      'UTF-16 without an encoding',
      'shop/wide.csv',
      'SOURCE_UNREADABLE',
      /is utf-16le, expected utf-8/,
      /encoding: utf-16le/,
    ],
    [
      'a header that is not UTF-8',
      'shop/latin.csv',
      'SOURCE_UNREADABLE',
      /first line: not UTF-8/,
      /encoding/,
    ],
    [
      'a truncated gzip file',
      'shop/cut.csv.gz',
      'SOURCE_UNREADABLE',
      /not a complete gzip file/,
      /transfer it again/,
    ],
    [
      'a gzip file with a wrong checksum',
      'shop/crc.csv.gz',
      'SOURCE_UNREADABLE',
      /not a complete gzip file/,
      /damaged/,
    ],
  ])('%s', async (_title, path, code, message, hint) => {
    mkdirSync(join(sandbox.dir, 'hollow'), { recursive: true });
    sandbox.write('shop/sales.csv', 'x\n');
    sandbox.write('shop/empty.csv', '');
    sandbox.write('shop/wide.csv', Buffer.from('\ufeffx\n', 'utf16le'));
    sandbox.write('shop/latin.csv', Buffer.from('caf\xe9,x\n', 'latin1'));
    const gz = gzipSync(`x\n${'1\n'.repeat(1000)}`);
    sandbox.write('shop/cut.csv.gz', gz.subarray(0, gz.length - 12));
    const crc = Buffer.from(gz);
    crc.writeUInt32LE(1, crc.length - 8);
    sandbox.write('shop/crc.csv.gz', crc);
    await expect(survey({ path })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  it('must all have the same columns', async () => {
    sandbox.write('mixed/a.csv', 'x,y\n');
    sandbox.write('mixed/b.csv', 'x,z\n');
    await expect(survey({ path: 'mixed' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'mixed/b.csv has "z" as column 2, mixed/a.csv has "y".',
    });
    sandbox.write('mixed/b.csv', 'x\n');
    await expect(survey({ path: 'mixed', delimiter: ',' })).rejects.toThrow(
      'mixed/b.csv has no column as column 2',
    );
  });

  it('are noticed when they change during a run, with what changed', async () => {
    sandbox.write('live.csv', 'x\n1\n');
    const path = join(sandbox.dir, 'live.csv');
    const source = openCsv({ path: 'live.csv' });
    utimesSync(path, 1000, 1000);
    const seen = await source.survey();
    const changed = (): Promise<void> =>
      source.assertUnchanged(seen, { index: 0, file: 0, start: 2, end: 4 });
    await changed();
    sandbox.write('live.csv', 'x\n2\n');
    utimesSync(path, 1000, 1000);
    await expect(changed()).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringMatching(/live\.csv.*bytes are different/),
    });
    sandbox.write('live.csv', 'x\n1\n');
    await expect(changed()).rejects.toThrow(/last written at 1970.*now at/);
    sandbox.write('live.csv', 'x\n1\n2\n');
    await expect(changed()).rejects.toThrow('It had 4 bytes, now it has 6.');
    rmSync(path);
    await expect(changed()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });
});

describe('the header of a CSV source', () => {
  it.each([
    ['a,b,a', /column 3 of the header has the name "a", which column 1 has already/],
    ['a,B,b', /column 3 of the header has the name "b", which column 2 has already/],
    ['a,b,A', /column 3 of the header has the name "A", which column 1 has already/],
    ['a,,b', /column 2 of the header has no name/],
    ['a," ",c', /column 2 of the header has no name/],
    ['_flexetl,b,c', /column 1 of the header has the name "_flexetl", which is reserved/],
    ['a,_FlexETL_record', /column 2 .*"_FlexETL_record", which is reserved/],
    [`a,${'n'.repeat(201)}`, /column 2 .*201 characters, the limit is 200/],
  ])('is refused: %s', async (header, message) => {
    sandbox.write('head.csv', `${header}\n1,2,3\n`);
    await expect(survey({ path: 'head.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['a byte order mark', '\ufeff'],
    ['empty lines', '\n\r\n\n'],
  ])('is missed in a file of %s', async (_what, bytes) => {
    sandbox.write('none.csv', bytes);
    await expect(survey({ path: 'none.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'none.csv has no header line.',
    });
  });

  it('alone is a source without rows or partitions', async () => {
    for (const bytes of ['a,b\n', 'a,b', '\ufeffa,b\r\n']) {
      sandbox.write('only.csv', bytes);
      const plan = await landAll(openCsv({ path: 'only.csv' }), 64);
      expect(plan).toMatchObject({
        survey: { columns: ['a', 'b'], sample: [], recordBytes: 0 },
        partitions: [],
      });
    }
  });

  it('may be absent, after lines to skip, and named by the user', async () => {
    sandbox.write('bare.csv', 'made by\nthe till\n1;2\n3;4\n');
    expect(await survey({ path: 'bare.csv', header: false, skip_rows: 2 })).toMatchObject({
      columns: ['column_1', 'column_2'],
      sample: [
        ['1', '2'],
        ['3', '4'],
      ],
      recordBytes: 4,
    });
    expect(
      (await survey({ path: 'bare.csv', header: false, skip_rows: 2, columns: ['x', 'y'] })).columns,
    ).toEqual(['x', 'y']);
    await expect(survey({ path: 'bare.csv', skip_rows: 9 })).rejects.toThrow(/no line 10, skip_rows is 9/);
  });
});

describe('the dialect of a CSV source', () => {
  it.each([[','], [';'], ['\t'], ['|']])('detects the delimiter %j', async (delimiter) => {
    const line = (...cells: string[]): string => cells.join(delimiter);
    const text = `"one, two; three | four"`;
    sandbox.write(
      'found.csv',
      `${line('a', 'b', 'c')}
${line('1', text, '2')}
${line('3', text, '4')}
`,
    );
    expect((await survey({ path: 'found.csv' })).columns).toHaveLength(3);
  });

  it('takes a file of one column for one of one column', async () => {
    sandbox.write('one.csv', 'name\nx\n\ny\n');
    expect(await rowsOf({ path: 'one.csv' })).toEqual([['x'], [null], ['y']]);
  });

  it.each([
    ['windows-1252', Buffer.from('n\u00e9,p\n\u0080\u00e9,1\n', 'latin1'), ['né', 'p'], ['€é', '1']],
    ['utf-16le', Buffer.from('\ufeffné,p\r\n€🙂,1\r\n', 'utf16le'), ['né', 'p'], ['€🙂', '1']],
    ['utf-16be', Buffer.from('né,p\n€🙂,1\n', 'utf16le').swap16(), ['né', 'p'], ['€🙂', '1']],
  ])('reads %s as text', async (encoding, bytes, columns, row) => {
    sandbox.write('coded.csv', bytes);
    expect((await survey({ path: 'coded.csv', encoding })).columns).toEqual(columns);
    expect(await rowsOf({ path: 'coded.csv', encoding })).toEqual([row]);
  });

  it('names the bytes that an encoding does not have', async () => {
    sandbox.write(
      'lone.csv',
      Buffer.concat([Buffer.from('a\n', 'utf16le'), Buffer.from([0x00, 0xd8]), Buffer.from('b', 'utf16le')]),
    );
    await expect(survey({ path: 'lone.csv', encoding: 'utf-16le' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: 'lone.csv is not utf-16le: bytes 0 to 8 cannot be decoded.',
    });
  });

  it('makes the plain copy of a gzip file once, and again where it is gone', async () => {
    const run = sandbox.freshRun();
    sandbox.write('packed.csv.gz', Buffer.concat([gzipSync('a,b\n1,2\n'), gzipSync('3,4\n')]));
    const source = openCsv({ path: 'packed.csv.gz' }, run);
    const seen = await source.survey();
    const copies = await run.context.shared.list('plain/');
    expect(copies).toHaveLength(1);
    const { partitions } = await landAll(source, 4);
    await run.context.shared.remove(copies[0] ?? '');
    const read = await Promise.all(partitions.map((one) => readRecords(source, seen, [one])));
    expect(read.flat().map(({ values }) => values)).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('refuses a gzip bomb', async () => {
    // The format itself cannot pack much tighter than this.
    sandbox.write('bomb.csv.gz', gzipSync(Buffer.alloc(40 * 1024 * 1024, 'a'), { level: 9 }));
    await expect(survey({ path: 'bomb.csv.gz' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining(`more than ${LIMITS.gzipRatioMax} times its size`),
    });
  });

  it.each([
    [{ delimiter: ',,' }],
    [{ delimiter: '"' }],
    [{ delimiter: '§' }],
    [{ quote: ' ' }],
    [{ encoding: 'klingon' }],
    [{ columns: ['a'] }],
    [{ skip_rows: -1 }],
    [{ delimter: ',' }],
  ])('refuses the options %j', (options) => {
    expect(csv.options.safeParse({ path: 'x.csv', ...options }).success).toBe(false);
  });
});
