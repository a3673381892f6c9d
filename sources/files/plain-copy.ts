/** UTF-8 copies of files that are compressed or in another encoding; made once per run. */
import { isUtf8 } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { SourceFile } from '../../plugin/source';
import { assertText } from './assert-text';
import { encodingOf } from './encoding';
import { addressOf, withSameFile } from './fingerprint';
import { likelyEncoding, UNTOLD_ENCODING } from './likely-encoding';
import { explainUnpacking, packingOf, unpack, type Packing, type Pieces } from './unpack';

/** A smaller inflated file is accepted, whatever its ratio. */
const INFLATED_BYTES_FREE = 16 * 1024 * 1024;

/** True when the file must be copied as plain text before it can be read: packed, or not UTF-8. */
export async function needsPlainCopy(absolute: string, shown: string, encoding: string): Promise<boolean> {
  return !encodingOf(encoding).isUtf8 || (await packingOf(absolute, shown)) !== undefined;
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
  let packing: Packing | undefined;
  let raw: Pieces | undefined;
  try {
    packing = await packingOf(absolute, shown);
    const { size } = await stat(absolute);
    raw = await unpack(absolute, shown, packing, size);
    const bounded = boundPieces(raw, shown, encoding, packing ? size : Infinity, signal);
    const pieces = encodingOf(encoding).isUtf8 ? bounded : decodePieces(bounded, shown, encoding);
    for await (const piece of pieces) {
      await handle.writeFile(piece);
      progress(raw.share());
    }
  } catch (error) {
    throw explainCopy(error, shown, packing, signal);
  } finally {
    raw?.close();
    await handle.close();
  }
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

async function* decodePieces(
  pieces: AsyncIterable<Buffer>,
  shown: string,
  encoding: string,
): AsyncGenerator<Buffer> {
  const { name, openDecoder } = encodingOf(encoding);
  const decode = await openDecoder();
  let offset = 0;
  const read = (piece: Buffer, last: boolean): Buffer => {
    try {
      return Buffer.from(decode(piece, last));
    } catch {
      const bytes = `bytes ${Math.max(0, offset - (last ? 1 : 0))} to ${offset + piece.length}`;
      throw unreadable(shown, `is not ${name}: ${bytes} cannot be decoded`, hintOfEncoding(piece));
    }
  };
  for await (const piece of pieces) {
    yield read(piece, false);
    offset += piece.length;
  }
  yield read(Buffer.alloc(0), true);
}

function hintOfEncoding(bytes: Buffer): string {
  const likely = isUtf8(bytes) && bytes.length > 0 ? undefined : likelyEncoding(bytes);
  const hint =
    isUtf8(bytes) && bytes.length > 0
      ? 'It looks like utf-8'
      : likely && `It looks like ${likely.name}: ${likely.hint}`;
  return hint === undefined ? `Check the encoding option; ${UNTOLD_ENCODING}.` : `${hint}.`;
}

function unreadable(shown: string, what: string, hint = 'Check how the file was made.'): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message: `${shown} ${what}.`, hint });
}

function explainCopy(
  error: unknown,
  shown: string,
  packing: Packing | undefined,
  signal: AbortSignal,
): unknown {
  if (signal.aborted) return new FlexetlError('CANCELLED', { message: 'Cancelled.', cause: error });
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC') {
    return new FlexetlError('DISK_FULL', {
      message: `The disk of the staging folder is full: ${shown} is copied there as plain text.`,
      hint: 'Free some space, or set FLEXETL_STAGING_DIR to a larger disk; the run then continues by itself.',
      cause: error,
    });
  }
  return (packing && explainUnpacking(error, shown, packing)) ?? error;
}
