import { gzipSync } from 'node:zlib';
import { csv } from '../../sources/csv';
import type { SourceSurvey } from '../../plugin/source';
import { openSandbox } from '../support/source-sandbox';

const sandbox = openSandbox();

const survey = (options: Record<string, unknown>): Promise<SourceSurvey> =>
  csv.open(csv.options.parse(options), sandbox.freshRun().context).survey();

/** The first block of an archive without the mark of ustar. */
function oldTar(): Buffer {
  const block = Buffer.alloc(1024);
  block.write('a.csv');
  block.write('0000644\0', 100);
  block.write('        ', 148);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

describe('a file that is no CSV text', () => {
  it.each<[string, string | Buffer, RegExp, RegExp]>([
    ['xlsx', 'PK\x03\x04\x14\0\0\0xl/workbook.xml', /Excel workbook \(\.xlsx\)/, /Save its sheet as CSV/],
    ['xls', Buffer.from('d0cf11e0a1b11ae1', 'hex'), /Excel workbook \(\.xls\)/, /Save its sheet as CSV/],
    ['bz2', 'BZh91AY&SY', /is a bzip2 file/, /bunzip2/],
    ['xz', Buffer.from('fd377a585a00', 'hex'), /is an xz file/, /unxz/],
    ['an empty zip', 'PK\x05\x06', /is an empty zip archive/, /Unpack it/],
    ['parquet', 'PAR1\x15', /is a Parquet file/, /Export it/],
    ['png', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', /is a PNG image/, /Check the path/],
    ['feather', 'ARROW1\0\0', /is an Arrow or Feather file/, /Export it/],
    ['tar', `a.csv${'\0'.repeat(252)}ustar`, /is a tar archive/, /Unpack it/],
    ['tar of the old kind', oldTar(), /is a tar archive/, /Unpack it/],
    ['UTF-32', Buffer.from('fffe000061000000', 'hex'), /mark of utf-32le/, /iconv -f UTF-32/],
    ['UTF-32 of the other order', Buffer.from('0000feff00000061', 'hex'), /mark of utf-32be/, /iconv/],
    ['UTF-16 of the other order', Buffer.from('feff0061', 'hex'), /mark of utf-16be/, /encoding: utf-16be/],
  ])('is called what it is: %s, also when it is gzipped', async (_what, text, message, hint) => {
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
    sandbox.write('what.csv', bytes);
    sandbox.write('what.csv.gz', gzipSync(bytes));
    for (const path of ['what.csv', 'what.csv.gz']) {
      const refusal = {
        code: 'SOURCE_UNREADABLE',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      };
      await expect(survey({ path })).rejects.toMatchObject(refusal);
      await expect(survey({ path, encoding: 'windows-1252' })).rejects.toMatchObject(refusal);
    }
  });

  it.each<[string, RegExp, RegExp]>([
    ['<!DOCTYPE html>\n<html><body>a,b</body></html>\n', /is a web page \(HTML\), not CSV/, /download/],
    ['\n  <HTML lang="en">\n', /is a web page/, /download/],
    ['<table border="1">\n<tr><td>1</td></tr>\n', /is a web page/, /download/],
    ['<?xml version="1.0"?>\n<rows><row a="1"/></rows>\n', /is an XML document, not CSV/, /as CSV/],
    ['[{"a":1},{"a":2}]\n', /is JSON, not CSV/, /type: json/],
    ['[\n  {\n    "a": 1\n  }\n]\n', /is JSON/, /type: json/],
    ['{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n', /is JSON/, /type: json/],
    ['{ "a": [1] }', /is JSON/, /type: json/],
    ['[["a","b"],[1,2]]', /is JSON/, /type: json/],
    ['[]\n', /is JSON/, /type: json/],
  ])('is a document of another format: %j, in any encoding', async (text, message, hint) => {
    const refusal = { code: 'SOURCE_UNREADABLE', message: expect.stringMatching(message) };
    for (const bytes of [text, `\ufeff${text}`, gzipSync(text)]) {
      sandbox.write('page.csv', bytes);
      await expect(survey({ path: 'page.csv' })).rejects.toMatchObject({
        ...refusal,
        hint: expect.stringMatching(hint),
      });
    }
    sandbox.write('page.csv', Buffer.from(text, 'utf16le'));
    await expect(survey({ path: 'page.csv', encoding: 'utf-16le' })).rejects.toMatchObject(refusal);
  });

  it.each<[string, Record<string, unknown>]>([
    ['{id},[name],<b>\n1,2,3\n', {}],
    ['[id],[name]\n1,2\n', {}],
    ['<html_id>,name\n1,2\n', {}],
    ['"{""a"":1}",name\n1,2\n', {}],
    ['{"version":1}\na,b\n1,2\n', { skip_rows: 1 }],
    ['{"a":1}\n{"a":2}\n', { header: false, delimiter: '\t' }],
  ])('is none because of a bracket: %j', async (text, options) => {
    sandbox.write('brackets.csv', text);
    expect((await survey({ path: 'brackets.csv', ...options })).columns.length).toBeGreaterThan(0);
  });

  it.each(['PAR1,PAR2', 'BZh,x', 'PK,Rar!'])('is none because of a name: %s', async (header) => {
    sandbox.write('names.csv', `${header}\n1,2\n`);
    expect((await survey({ path: 'names.csv' })).columns).toEqual(header.split(','));
  });

  it('has a mark that contradicts the declared encoding', async () => {
    sandbox.write('marked.csv', '\ufeffa\n1\n');
    expect((await survey({ path: 'marked.csv', encoding: 'utf8' })).columns).toEqual(['a']);
    await expect(survey({ path: 'marked.csv', encoding: 'windows-1252' })).rejects.toMatchObject({
      message: 'marked.csv starts with the byte order mark of utf-8, the encoding is windows-1252.',
      hint: 'Set encoding: utf-8.',
    });
  });

  it.each<[string, Buffer, RegExp]>([
    ['windows-1252', Buffer.from('Stra\xdfe,Caf\xe9 \x93x\x94\n', 'latin1'), /encoding: windows-1252/],
    ['windows-1251', Buffer.from('\xc3\xee\xf0\xee\xe4,\xc8\xec\xff\n', 'latin1'), /windows-1251/],
    ['macintosh', Buffer.from('caf\x8e,\x9fber\n', 'latin1'), /encoding: macintosh/],
    ['cp437 or cp850', Buffer.from('caf\x82,\x81ber,sch\x94n\n', 'latin1'), /one of cp437, cp850$/],
    // 名前,都市 and テスト,大阪; 이름,도시; Köln,Mölln in the encoding of DOS.
    [
      'shift_jis or gbk or big5',
      Buffer.from('96bc914f2c93738e730a8365835883672c91e58de30a', 'hex'),
      /shift_jis, gbk, big5$/,
    ],
    [
      'euc-jp or gbk or big5 or euc-kr',
      Buffer.from('c0ccb8a72cb5b5bdc30a', 'hex'),
      /^set encoding to the right one of euc-jp, gbk, big5, euc-kr$/,
    ],
    ['cp437 or cp850', Buffer.from('K\x94ln,M\x94lln\n', 'latin1'), /one of cp437, cp850$/],
    ['EBCDIC', Buffer.from('d5c1d4c56bc3c9e3e825819595816bc28599938995f1f225', 'hex'), /iconv -f IBM1047/],
    ['utf-16le', Buffer.from('name,city\n', 'utf16le'), /encoding: utf-16le/],
    ['utf-16be', Buffer.from('name,city\n', 'utf16le').swap16(), /encoding: utf-16be/],
  ])('is told the encoding that it looks like: %s', async (name, header, hint) => {
    sandbox.write('coded.csv', header);
    await expect(survey({ path: 'coded.csv', delimiter: ',' })).rejects.toMatchObject({
      message: expect.stringContaining(`; it looks like ${name}.`),
      hint: expect.stringMatching(hint),
      places: [{ file: 'coded.csv', line: 1, reason: 'the header' }],
    });
    if (/^(utf|EBCDIC)/.test(name)) return;
    sandbox.write('coded.csv', Buffer.concat([Buffer.from('a,b\n'), header]));
    const { warnings } = await survey({ path: 'coded.csv', delimiter: ',' });
    expect(warnings?.[0]).toMatch(`coded.csv is not UTF-8, but looks like ${name}: `);
  });

  it('is told that its encoding cannot be told: a byte that windows-1252 does not have', async () => {
    const untold = 'its encoding cannot be told: set encoding to the one that the program that wrote it uses';
    const line = Buffer.from('caf\xe9,\x9d\n', 'latin1');
    sandbox.write('untold.csv', line);
    await expect(survey({ path: 'untold.csv', delimiter: ',' })).rejects.toMatchObject({
      message: `untold.csv has a broken first line: not UTF-8; ${untold}.`,
    });
    sandbox.write('untold.csv', Buffer.concat([Buffer.from('a,b\n'), line]));
    const { warnings } = await survey({ path: 'untold.csv', delimiter: ',' });
    expect(warnings).toEqual([`untold.csv is not UTF-8; ${untold}.`]);
  });
});
