import { mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
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

  it('of a folder are no hidden ones and no folders, and may be links', async () => {
    sandbox.write('spark/a.csv', 'x\n1\n');
    for (const name of ['.a.csv', '._a.csv', 'out.csv/part.csv']) sandbox.write(`spark/${name}`, 'x\n9\n');
    symlinkSync(join(sandbox.dir, 'spark/a.csv'), join(sandbox.dir, 'spark/b.csv'));
    symlinkSync(join(sandbox.dir, 'spark/out.csv'), join(sandbox.dir, 'spark/c.csv'));
    const names = (await survey({ path: 'spark' })).files.map(({ path }) => path);
    expect(names).toEqual(['spark/a.csv', 'spark/b.csv']);
    mkdirSync(join(sandbox.dir, 'only/out.csv'), { recursive: true });
    await expect(survey({ path: 'only' })).rejects.toThrow('The folder only has no file named');
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
      /byte order mark of utf-16le, the encoding is utf-8/,
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
      places: [{ file: 'mixed/b.csv', line: 1, reason: 'the header' }],
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
    ['item;price, EUR\napple;1,50\n', '"," and ";"'],
    ['1,5|2,5\n3,5|4,5\n', '"," and "|"'],
  ])('is asked for where several delimiters fit: %j', async (text, names) => {
    sandbox.write('tie.csv', text);
    await expect(survey({ path: 'tie.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining(`tie.csv could have the delimiter ${names}`),
      hint: 'Set delimiter to the right one.',
    });
  });

  it.each([
    ['a:b\n1:2\n', ['a:b'], ['rare.csv is read as one column; its delimiter may be ":".']],
    ['time\n10:00\n', ['time'], []],
  ])('may be one that is not detected, which is said: %j', async (text, columns, warnings) => {
    sandbox.write('rare.csv', text);
    expect(await survey({ path: 'rare.csv' })).toMatchObject({ columns, warnings });
  });

  it('is decided by the name of a .tsv file, and said', async () => {
    sandbox.write('tie.tsv', 'Last, First\tCity\nRoe, Ann\tOslo\n');
    expect(await survey({ path: 'tie.tsv' })).toMatchObject({
      columns: ['Last, First', 'City'],
      warnings: ['tie.tsv could have the delimiter "," and "\\t": read with tabs, as it is a .tsv file.'],
    });
  });

  it.each([
    ['CR, then CR LF', 'a,b\r1,x\r2,y\r\n', /line 1 ends with a carriage return \(CR\), line 3 with CR LF/],
    ['CR, then LF', 'a,b\r"1",x\n', /line 1 ends with a carriage return \(CR\), line 2 with a line feed/],
    ['CR CR LF', 'a,b\r\r\n1,x\r\r\n', /two carriage returns and a line feed \(CR CR LF\)/],
  ])('refuses lines that end in several ways: %s', async (_what, text, message) => {
    sandbox.write('mixed.csv', text);
    await expect(survey({ path: 'mixed.csv' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['CR with LF in quotes', 'a,"b\nc"\r1,x\r', ['a', 'b\nc'], [['1', 'x']]],
    ['CR LF with CR in quotes', '"a\rb",c\r\n1,x\r\n', ['a\rb', 'c'], [['1', 'x']]],
    [
      'LF and CR LF',
      'a,b\n1,x\r\n2,y\n',
      ['a', 'b'],
      [
        ['1', 'x'],
        ['2', 'y'],
      ],
    ],
    [
      'LF, and CR in a record',
      'a,b\n1,x\ry\n2,y\n',
      ['a', 'b'],
      ['carriage return (CR) outside quotes', ['2', 'y']],
    ],
    [
      'LF, and CR CR LF',
      'a,b\n1,x\r\r\n2,y\n',
      ['a', 'b'],
      ['carriage return (CR) outside quotes', ['2', 'y']],
    ],
  ])('looks for line breaks outside quotes: %s', async (_what, text, columns, rows) => {
    sandbox.write('breaks.csv', text);
    expect((await survey({ path: 'breaks.csv' })).columns).toEqual(columns);
    expect(await rowsOf({ path: 'breaks.csv' })).toEqual(rows);
  });

  it('passes over empty fields at the end only where nearly all records have them', async () => {
    // More than the survey looks at.
    const lines = Array.from({ length: 1100 }, (_, index) => `${index},x,`);
    const rows = lines.map((_, index) => [String(index), 'x']);
    const read = async (text: string): Promise<unknown[]> => {
      sandbox.write('ends.csv', text);
      const { warnings, columns } = await survey({ path: 'ends.csv' });
      expect(columns).toEqual(['a', 'b']);
      return [await rowsOf({ path: 'ends.csv' }), warnings];
    };
    const records =
      'ends.csv has records that end with 1 delimiter more than there are columns: the empty fields are passed over.';
    expect(await read(`a,b\n${lines.join('\n')}\n20,y\n`)).toEqual([[...rows, ['20', 'y']], [records]]);
    const header =
      'ends.csv has a delimiter at the end of its header: the empty field after it is no column.';
    expect(await read(`a,b,\n${lines.join('\n')}\n20,,y,\n21,y,z\n`)).toEqual([
      [...rows, '4 fields, header has 2', '3 fields, header has 2'],
      [header],
    ]);
    const [first, ...others] = lines.map((line) => line.slice(0, -1));
    expect(await read(`a,b\n${first},\n${others.join('\n')}\n`)).toEqual([
      ['3 fields, header has 2', ...rows.slice(1)],
      [],
    ]);
  });

  it.each([
    [{ delimiter: 'a\nb' }],
    [{ delimiter: '"' }],
    [{ delimiter: '123456789' }],
    [{ quote: ' ' }],
    [{ encoding: 'klingon' }],
    [{ columns: ['a'] }],
    [{ skip_rows: -1 }],
    [{ delimter: ',' }],
  ])('refuses the options %j', (options) => {
    expect(csv.options.safeParse({ path: 'x.csv', ...options }).success).toBe(false);
  });
});
