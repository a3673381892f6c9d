/** UTF-8 copies of files that are compressed or in another encoding; made once per run. */
import { createReadStream, type ReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { SourceFile } from '../../plugin/source';
import { assertText } from './assert-text';
import { openFile } from './find';
import { addressOf, withSameFile } from './fingerprint';

/** A smaller inflated file is accepted, whatever its ratio. */
const INFLATED_BYTES_FREE = 16 * 1024 * 1024;

/** True when the file must be copied as plain text before it can be read: gzip, or not UTF-8. */
export async function needsPlainCopy(absolute: string, shown: string, encoding: string): Promise<boolean> {
  return isUtf8Label(encoding) ? isGzip(absolute, shown) : true;
}

function isUtf8Label(encoding: string): boolean {
  return new TextDecoder(encoding).encoding === 'utf-8';
}

async function isGzip(absolute: string, shown: string): Promise<boolean> {
  const handle = await openFile(absolute, shown);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(2), position: 0 });
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

/**
 * The absolute path of a file as plain UTF-8 text, made once per run and content of the file.
 * @param source the file as the survey saw it
 * @throws FlexetlError SOURCE_UNREADABLE, SOURCE_CHANGED, DISK_FULL
 */
export function makePlainCopy(
  absolute: string,
  source: SourceFile,
  encoding: string,
  context: PluginContext,
): Promise<string> {
  return context.shared.make(`plain/${addressOf(source, encoding)}.txt`, (path) =>
    withSameFile(absolute, source, () => copyPlain(absolute, source.path, encoding, path, context)),
  );
}

async function copyPlain(
  absolute: string,
  shown: string,
  encoding: string,
  path: string,
  { signal, progress }: PluginContext,
): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  let raw: ReadStream | undefined;
  try {
    const inflate = await isGzip(absolute, shown);
    const { size } = await stat(absolute);
    raw = createReadStream(absolute);
    const text = inflate ? inflatePieces(raw) : raw;
    const bounded = boundPieces(text, shown, encoding, inflate ? size : Infinity, signal);
    const pieces = isUtf8Label(encoding) ? bounded : decodePieces(bounded, shown, encoding);
    for await (const piece of pieces) {
      await handle.writeFile(piece);
      progress(raw.bytesRead / size);
    }
  } catch (error) {
    throw explainCopy(error, shown, signal);
  } finally {
    raw?.destroy();
    await handle.close();
  }
}

/** An error of the file must end the inflating too: with `pipe` alone it would wait for ever. */
function inflatePieces(raw: ReadStream): AsyncIterable<Buffer> {
  const inflated = createGunzip();
  raw.on('error', (error) => inflated.destroy(error));
  return raw.pipe(inflated);
}

async function* boundPieces(
  pieces: AsyncIterable<Buffer>,
  shown: string,
  encoding: string,
  packedBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    if (bytes === 0) assertText(piece, shown, encoding);
    bytes += piece.length;
    if (bytes > INFLATED_BYTES_FREE && bytes > packedBytes * LIMITS.gzipRatioMax) {
      throw unreadable(shown, `inflates to more than ${LIMITS.gzipRatioMax} times its size`);
    }
    yield piece;
  }
}

/** Always `stream: true`: without it Node 20 decodes windows-1252 as ISO-8859-1. */
async function* decodePieces(
  pieces: AsyncIterable<Buffer>,
  shown: string,
  encoding: string,
): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let offset = 0;
  for await (const piece of pieces) {
    const end = offset + piece.length;
    yield Buffer.from(decode(() => decoder.decode(piece, { stream: true }), shown, encoding, offset, end));
    offset = end;
  }
  yield Buffer.from(decode(() => decoder.decode(), shown, encoding, Math.max(0, offset - 1), offset));
}

function decode(text: () => string, shown: string, encoding: string, from: number, to: number): string {
  try {
    return text();
  } catch {
    throw unreadable(shown, `is not ${encoding}: bytes ${from} to ${to} cannot be decoded`);
  }
}

function unreadable(shown: string, what: string): FlexetlError {
  const hint = 'Check the encoding option and how the file was made.';
  return new FlexetlError('SOURCE_UNREADABLE', { message: `${shown} ${what}.`, hint });
}

function explainCopy(error: unknown, shown: string, signal: AbortSignal): unknown {
  if (signal.aborted) return new FlexetlError('CANCELLED', { message: 'Cancelled.', cause: error });
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC') {
    return new FlexetlError('DISK_FULL', {
      message: `The disk of the staging folder is full: ${shown} is copied there as plain text.`,
      hint: 'Free some space, or set FLEXETL_STAGING_DIR to a larger disk; the run then continues by itself.',
      cause: error,
    });
  }
  if (code.startsWith('Z_')) {
    return new FlexetlError('SOURCE_UNREADABLE', {
      message: `${shown} is not a complete gzip file: ${messageOf(error)}.`,
      hint: 'The file is truncated or damaged: transfer it again.',
      cause: error,
    });
  }
  return error;
}
