/** Compressed files as pieces of what is in them: gzip, Zstandard, and a zip archive with one file. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { isWorkbook, refuseWorkbook } from './assert-text';
import { openFile } from './find';

export type Packing = 'gzip' | 'zstd' | 'zip';

export interface Pieces extends AsyncIterable<Buffer> {
  /** How much of the file has been read, 0 to 1. */
  share(): number;
  close(): void;
}

/** What the first bytes of a packed file are. */
const MARKS: readonly [packing: Packing, mark: string][] = [
  ['gzip', '\x1f\x8b'],
  ['zstd', '\x28\xb5\x2f\xfd'],
  ['zip', 'PK\x03\x04'],
];
const NAMES: Readonly<Record<Packing, string>> = {
  gzip: 'gzip file',
  zstd: 'Zstandard file',
  zip: 'zip archive',
};
const HEAD_BYTES = 512;
/** A block of 128 KB may take four bytes: this much becomes 32 MB at most. */
const ZSTD_PIECE_BYTES = 1024;
/** What a Zstandard file may make its reader keep; the limit of `zstd -d`. */
const ZSTD_WINDOW_BYTES_MAX = 128 * 1024 * 1024;

/**
 * How a file is packed, by its first bytes; undefined: it is not.
 * @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE, also for an Excel workbook, which is a zip archive
 */
export async function packingOf(absolute: string, shown: string): Promise<Packing | undefined> {
  const handle = await openFile(absolute, shown);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(HEAD_BYTES), position: 0 });
    const head = buffer.subarray(0, bytesRead);
    const [packing] = MARKS.find(([, mark]) => head.toString('latin1', 0, mark.length) === mark) ?? [];
    if (packing === 'zip' && isWorkbook(head)) throw refuseWorkbook(shown);
    return packing;
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a file, unpacked. The caller bounds how many there are.
 * @throws FlexetlError SOURCE_UNREADABLE for an archive of several files, or an encrypted one
 */
export async function unpack(
  absolute: string,
  shown: string,
  packing: Packing | undefined,
  size: number,
): Promise<Pieces> {
  if (packing === 'zip') return openZip(absolute, shown);
  const raw = createReadStream(absolute);
  const progress = { share: () => raw.bytesRead / size, close: () => raw.destroy() };
  if (packing === 'zstd') return { ...progress, [Symbol.asyncIterator]: () => inflateZstd(raw) };
  if (packing === undefined)
    return { ...progress, [Symbol.asyncIterator]: () => raw[Symbol.asyncIterator]() };
  const inflated = createGunzip();
  // An error of the file must end the inflating too: with `pipe` alone it would wait for ever.
  raw.on('error', (error) => inflated.destroy(error));
  const text = raw.pipe(inflated);
  return { ...progress, [Symbol.asyncIterator]: () => text[Symbol.asyncIterator]() };
}

async function* inflateZstd(raw: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { Decompress } = await import('fzstd');
  let found: Buffer[] = [];
  const inflate = new Decompress((piece) => found.push(Buffer.from(piece)));
  const take = (): Buffer => {
    const all = Buffer.concat(found);
    found = [];
    return all;
  };
  let first = true;
  for await (const bytes of raw) {
    if (first && zstdWindowBytes(bytes) > ZSTD_WINDOW_BYTES_MAX)
      throw new RangeError('it needs more than 128 MB of memory; pack it without --long or --ultra');
    first = false;
    for (let at = 0; at < bytes.length; at += ZSTD_PIECE_BYTES) {
      inflate.push(bytes.subarray(at, at + ZSTD_PIECE_BYTES));
      if (found.length > 0) yield take();
    }
  }
  inflate.push(new Uint8Array(0), true);
  yield take();
}

/** RFC 8878, 3.1.1.1: the window, or the whole content of a frame that is one segment. @param head of a frame */
function zstdWindowBytes(head: Buffer): number {
  const flags = head[4] ?? 0;
  const isSegment = (flags & 0x20) !== 0;
  if (!isSegment) return 2 ** (10 + ((head[5] ?? 0) >> 3)) * (1 + ((head[5] ?? 0) & 7) / 8);
  const at = 5 + ([0, 1, 2, 4][flags & 3] ?? 0);
  const sizeBytes = [1, 2, 4, 8][flags >> 6] ?? 1;
  if (head.length < at + sizeBytes) return 0;
  return sizeBytes === 8 ? Number(head.readBigUInt64LE(at)) : head.readUIntLE(at, sizeBytes);
}

async function openZip(absolute: string, shown: string): Promise<Pieces> {
  const { openPromise } = await import('yauzl');
  const archive = await openPromise(absolute, { autoClose: false });
  try {
    const entry = await findMember(archive, shown);
    const stream = await archive.openReadStreamPromise(entry);
    let bytes = 0;
    stream.on('data', (piece: Buffer) => (bytes += piece.length)).pause();
    return {
      share: () => bytes / entry.uncompressedSize,
      close: () => archive.close(),
      [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
    };
  } catch (error) {
    archive.close();
    throw error;
  }
}

const NAMES_SHOWN = 5;

/** The only file of an archive; folders and what macOS adds for itself are passed over. */
async function findMember(archive: ZipFile, shown: string): Promise<Entry> {
  const entries: Entry[] = [];
  for await (const entry of archive.eachEntry()) {
    const name = entry.fileName;
    if (!name.endsWith('/') && !name.startsWith('__MACOSX/') && !/(^|\/)\./.test(name)) entries.push(entry);
    if (entries.length > NAMES_SHOWN) break;
  }
  const names = entries.map(({ fileName }) => fileName);
  if (names.includes('[Content_Types].xml')) throw refuseWorkbook(shown);
  const [entry, ...others] = entries;
  if (!entry || others.length > 0) {
    const what = entry ? `several files: ${names.slice(0, NAMES_SHOWN).join(', ')}` : 'no file';
    const more = names.length > NAMES_SHOWN ? ' and more' : '';
    throw unreadable(
      `${shown} is a zip archive with ${what}${more}; expected one.`,
      'Unpack it into a folder, and set path to the folder.',
    );
  }
  if (entry.isEncrypted())
    throw unreadable(`${shown} is an encrypted zip archive.`, 'Unpack it with its password.');
  return entry;
}

/** An error of the unpacking, with the name of the file; undefined for an error of another kind. */
export function explainUnpacking(error: unknown, shown: string, packing: Packing): FlexetlError | undefined {
  const { code = '' } = error as { code?: string | number };
  const isOther = error instanceof FlexetlError || (typeof code === 'string' && /^E[A-Z]+$/.test(code));
  if (isOther) return undefined;
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: `${shown} is not a complete ${NAMES[packing]}: ${messageOf(error)}.`,
    hint: 'The file is truncated or damaged: transfer it again.',
    cause: error,
  });
}

function unreadable(message: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message, hint });
}
