import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { LIMITS } from '../../pipeline/limits';
import { encodingOption, findEncoding } from '../../sources/files/encoding';
import { describeFile } from '../../sources/files/fingerprint';
import { makePlainCopy, needsPlainCopy } from '../../sources/files/plain-copy';
import { openSandbox } from '../support/source-sandbox';

const sandbox = openSandbox();

/** The text of a file as a source reads it; undefined: it is read in place. */
async function plainText(name: string, encoding = 'utf-8'): Promise<string | undefined> {
  const absolute = join(sandbox.dir, name);
  if (!(await needsPlainCopy(absolute, name, encoding))) return undefined;
  const file = await describeFile(absolute, name);
  return readFileSync(await makePlainCopy(absolute, file, encoding, sandbox.freshRun().context), 'utf8');
}

/** Packs with the programs that users have. */
function pack(program: 'zstd' | 'zip', name: string, members: Record<string, string | Buffer>): Buffer {
  for (const [member, bytes] of Object.entries(members)) sandbox.write(member, bytes);
  const given = Object.keys(members);
  const args = program === 'zip' ? ['-q', '-X', name, ...given] : ['-q', '-f', ...given, '-o', name];
  execFileSync(program, args, { cwd: sandbox.dir });
  return readFileSync(join(sandbox.dir, name));
}

const TEXT = `id,name\n${Array.from({ length: 40_000 }, (_, id) => `${id},"Jos\u00e9 ${id % 7}"`).join('\n')}\n`;

describe('a packed file', () => {
  it('is read by its bytes, whatever it is called: gzip, Zstandard, zip', async () => {
    sandbox.write('gzip.csv', gzipSync(TEXT));
    expect(await plainText('gzip.csv')).toBe(TEXT);
    pack('zstd', 'one.zst', { 'one.csv': TEXT });
    expect(await plainText('one.zst')).toBe(TEXT);
    pack('zip', 'one.zip', { 'folder/one.csv': TEXT, '__MACOSX/._one.csv': 'x', '.DS_Store': 'y' });
    expect(await plainText('one.zip')).toBe(TEXT);
    expect(await plainText('one.csv')).toBeUndefined();
  });

  it('may be in an encoding, and may have several frames', async () => {
    const frames = [pack('zstd', 'a.zst', { 'a.csv': 'a\n' }), pack('zstd', 'b.zst', { 'b.csv': 'b\n' })];
    sandbox.write('frames.zst', Buffer.concat(frames));
    expect(await plainText('frames.zst')).toBe('a\nb\n');
    pack('zip', 'dos.zip', { 'dos.csv': iconv.encode('K\u00f6ln\n', 'cp850') });
    expect(await plainText('dos.zip', 'cp850')).toBe('K\u00f6ln\n');
  });

  it.each<[string, () => Buffer, RegExp]>([
    ['gzip', () => gzipSync(TEXT), /x\.bin is not a complete gzip file: unexpected end of file\./],
    ['zstd', () => pack('zstd', 't.zst', { 't.csv': TEXT }), /x\.bin is not a complete Zstandard file/],
    ['zip', () => pack('zip', 't.zip', { 't.csv': TEXT }), /x\.bin is not a complete zip archive/],
  ])(
    'that is truncated anywhere is refused, and nothing is kept of it: %s',
    async (_packing, make, message) => {
      const whole = make();
      for (const share of [0.02, 0.5, 0.99]) {
        sandbox.write('x.bin', whole.subarray(0, Math.ceil(whole.length * share)));
        await expect(plainText('x.bin')).rejects.toMatchObject({
          code: 'SOURCE_UNREADABLE',
          message: expect.stringMatching(message),
          hint: 'The file is truncated or damaged: transfer it again.',
        });
      }
    },
  );

  it('is refused as a bomb as soon as it is too large for its size', async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024);
    const bomb = pack('zstd', 'bomb.zst', { 'bomb.csv': zeros });
    const { gzipRatioMax } = LIMITS;
    expect(bomb.length * gzipRatioMax).toBeLessThan(zeros.length);
    await expect(plainText('bomb.zst')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: `bomb.zst inflates to more than ${gzipRatioMax} times its size.`,
    });
  });

  it('needs no more memory than the reader of zstd allows', async () => {
    // A frame header with a window of 1 GB.
    sandbox.write('wide.zst', Buffer.from('28b52ffd00a0010000', 'hex'));
    await expect(plainText('wide.zst')).rejects.toThrow(/wide\.zst .* needs more than 128 MB of memory/);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'several files',
      { 'm/a.csv': 'a\n1\n', 'm/b.csv': 'a\n2\n' },
      /is a zip archive with several files: m\/a\.csv, m\/b\.csv; expected one/,
    ],
    ['a workbook', { 'xl/workbook.xml': '<x/>', '[Content_Types].xml': '<x/>' }, /is an Excel workbook/],
    ['no file', { '__MACOSX/x': '' }, /is a zip archive with no file/],
  ])('is refused where it is an archive of %s', async (title, members, message) => {
    const name = `${title.replaceAll(' ', '-')}.zip`;
    pack('zip', name, members);
    await expect(plainText(name)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
    });
  });

  it('is refused where it is encrypted', async () => {
    sandbox.write('s.csv', 'a\n');
    execFileSync('zip', ['-q', '-P', 'secret', 's.zip', 's.csv'], { cwd: sandbox.dir });
    await expect(plainText('s.zip')).rejects.toThrow('s.zip is an encrypted zip archive.');
  });
});

describe('an encoding', () => {
  it.each([
    ['utf-8', 'utf-8 UTF8 utf_8_sig U8 cp65001'],
    ['utf-16le', 'utf-16 utf_16_le UTF-16LE'],
    ['utf-16be', 'utf_16_be'],
    ['windows-1252', 'cp1252 latin-1 latin1 iso8859-1 ISO_8859-1 L1 windows_1252'],
    ['iso-8859-15', 'iso8859-15 latin-9'],
    ['cp437', 'cp437 IBM437 437'],
    ['cp850', 'CP850 ibm_850'],
    ['macintosh', 'mac_roman'],
    ['shift_jis', 'shift_jis cp932 sjis'],
    ['koi8-r', 'koi8_r'],
    ['gb18030', 'gb18030'],
  ])('has the names that users know it by: %s', (name, labels) => {
    for (const label of labels.split(' ')) expect([label, findEncoding(label)?.name]).toEqual([label, name]);
  });

  it.each(['', 'utf-9', 'cp999', 'base64', 'hex', 'utf-7'])('is none of other names: %j', (label) => {
    expect(encodingOption().safeParse(label).success).toBe(false);
  });

  it.each(['utf-16le', 'cp437', 'cp850', 'windows-1252', 'shift_jis'])(
    'gives the text, in pieces of any size: %s',
    async (name) => {
      const text =
        name === 'shift_jis' ? '\u540d\u524d,\u90fd\u5e02\n'.repeat(9) : 'Caf\u00e9,\u00fcber\n'.repeat(9);
      const bytes = iconv.encode(text, name);
      const decode = await findEncoding(name)?.openDecoder();
      const pieces = [...bytes.values()].map((byte) => decode?.(Uint8Array.of(byte), false));
      expect(pieces.join('') + decode?.(new Uint8Array(0), true)).toBe(text);
      writeFileSync(join(sandbox.dir, 'coded.txt'), bytes);
      expect(await plainText('coded.txt', name)).toBe(text);
    },
  );

  it.each<[string, Buffer, RegExp, RegExp]>([
    [
      'windows-1252',
      Buffer.from('caf\xe9 \x81\n', 'latin1'),
      /is not windows-1252: bytes 0 to 7/,
      /cannot be told/,
    ],
    ['cp1253', Buffer.from('caf\xe9 \xd2', 'latin1'), /is not windows-1253/, /windows-1252/],
    ['shift_jis', Buffer.from('Stra\xdfe \xff \xfc\xfc\n', 'latin1'), /is not shift_jis/, /./],
    ['utf-16le', Buffer.from('a\0b', 'latin1'), /is not utf-16le: bytes 2 to 3/, /./],
    ['utf-16le', Buffer.from([0x41, 0, 0, 0xd8, 0x41, 0]), /is not utf-16le/, /./],
  ])('is refused where a byte has no character in it: %s', async (encoding, bytes, message, hint) => {
    sandbox.write('holes.csv', bytes);
    await expect(plainText('holes.csv', encoding)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});
