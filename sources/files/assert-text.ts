/** Refuses files that are no text in the declared encoding, by their first bytes. */
import { FlexetlError } from '../../pipeline/errors';
import { encodingOf } from './encoding';

const UNPACK = 'Unpack it and name the files in it.';
const EXPORT = 'Save its sheet as CSV (UTF-8).';

/** What a file is, what it starts with (`?` is any byte), and what to do. */
const KINDS: readonly [name: string, start: string, hint: string][] = [
  ['a zip archive', 'PK\x03\x04', UNPACK],
  ['an empty zip archive', 'PK\x05\x06', UNPACK],
  ['a bzip2 file', 'BZh?1AY&SY', 'Unpack it with bunzip2, or pack it with gzip.'],
  ['an xz file', '\xfd7zXZ\x00', 'Unpack it with unxz, or pack it with gzip.'],
  ['a Zstandard file', '\x28\xb5\x2f\xfd', 'It is packed twice: unpack it once.'],
  ['a 7z archive', "7z\xbc\xaf'\x1c", UNPACK],
  ['a RAR archive', 'Rar!\x1a', UNPACK],
  ['an Excel workbook (.xls)', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', EXPORT],
  ['a Parquet file', 'PAR1\x15', 'Export it as CSV.'],
  ['a PNG image', '\x89PNG\r\n', 'Check the path.'],
  ['a JPEG image', '\xff\xd8\xff', 'Check the path.'],
  ['an Arrow or Feather file', 'ARROW1\x00', 'Export it as CSV.'],
  ['an ORC file', 'ORC\x08', 'Export it as CSV.'],
  ['an Avro file', 'Obj\x01', 'Export it as CSV.'],
  ['a SQLite database', 'SQLite format 3\x00', 'Export the table as CSV.'],
  ['a PDF document', '%PDF-', 'Export the table as CSV.'],
  ['a gzip file', '\x1f\x8b', 'It is packed twice: unpack it once.'],
];

/** A tar archive has this at that offset. */
const TAR = { mark: 'ustar', offset: 257 };

/** Byte order marks; a longer one that starts with a shorter one stands first. */
const MARKS: readonly [encoding: string, mark: string][] = [
  ['utf-32le', '\xff\xfe\x00\x00'],
  ['utf-32be', '\x00\x00\xfe\xff'],
  ['utf-16le', '\xff\xfe'],
  ['utf-16be', '\xfe\xff'],
  ['utf-8', '\xef\xbb\xbf'],
];

/**
 * @param bytes the first ones of the file, unpacked; 512 are enough
 * @param encoding as the user declared it
 * @throws FlexetlError SOURCE_UNREADABLE
 */
export function assertText(bytes: Buffer, shown: string, encoding: string): void {
  const head = bytes.toString('latin1', 0, 512);
  const kind = KINDS.find(([, start]) => startsLike(head, start));
  if (kind?.[1] === 'PK\x03\x04' && isWorkbook(bytes)) throw refuseWorkbook(shown);
  if (kind) throw refuse(shown, `is ${kind[0]}, not text`, kind[2]);
  if (head.startsWith(TAR.mark, TAR.offset) || isOldTar(bytes))
    throw refuse(shown, 'is a tar archive, not text', UNPACK);
  const [found] = MARKS.find(([, mark]) => head.startsWith(mark)) ?? [];
  const declared = encodingOf(encoding).name;
  if (found === undefined || found === declared) return;
  const what = `starts with the byte order mark of ${found}, the encoding is ${declared}`;
  const hint = found.startsWith('utf-32')
    ? `UTF-32 cannot be read: convert the file, for example with iconv -f UTF-32 -t UTF-8.`
    : `Set encoding: ${found}.`;
  throw refuse(shown, what, hint);
}

function startsLike(head: string, start: string): boolean {
  return [...start].every((char, index) => char === '?' || char === head[index]);
}

/** A tar archive without the mark: the sum of its first block, with blanks for the sum itself, is in it in octal. */
function isOldTar(bytes: Buffer): boolean {
  const field = /^ *([0-7]{1,7})[ \0]/.exec(bytes.toString('latin1', 148, 156))?.[1];
  if (field === undefined || bytes.length < 512 || !bytes.includes(0)) return false;
  const block = Buffer.from(bytes.subarray(0, 512)).fill(' ', 148, 156);
  return block.reduce((sum, byte) => sum + byte, 0) === parseInt(field, 8);
}

/** The first entries of a workbook have such names. */
export function isWorkbook(bytes: Buffer): boolean {
  return ['[Content_Types].xml', 'xl/', '_rels/.rels'].some((name) => bytes.includes(name));
}

export function refuseWorkbook(shown: string): FlexetlError {
  return refuse(shown, 'is an Excel workbook (.xlsx)', EXPORT);
}

function refuse(shown: string, what: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message: `${shown} ${what}.`, hint });
}
