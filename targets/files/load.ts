/** A part of a load, as files in the stage of its load. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import type { LoadKey, Part } from '../../plugin/target';
import { keyReused } from '../../plugin/key-reused';
import { makeFolders } from '../../runtime/folders';
import { syncPath, writeOnce } from '../../runtime/staging/durable-file';
import { extensionOf, type EncodedFile, type FilePart } from './encoder';
import { findLoad, readManifest } from './manifest';
import type { FileUse } from './options';
import { partName, readReceipt, receiptPath, stageOf, type Receipt, type StagedFile } from './stage';
import { columnsFor } from './columns';

/** Idempotent: for a part that is there it writes nothing. @returns the rows of the part */
export async function stagePart(use: FileUse, key: LoadKey, part: Part): Promise<number> {
  const already = await findLoaded(use, key, part);
  if (already !== undefined) return already;
  const stage = join(use.place.own, stageOf(key));
  const attempt = join(stage, `${partName(part.index)}-${randomUUID()}`);
  makeFolders(attempt);
  try {
    const receipt = await encodePart(use, key, part, stage, attempt);
    if (await writeOnce(receiptPath(stage, part.index), JSON.stringify(receipt))) return part.rows;
  } catch (error) {
    await rm(attempt, { recursive: true, force: true });
    // Another attempt has published the load meanwhile: its stage is removed.
    const theirs = await findLoaded(use, key, part).catch(() => undefined);
    if (theirs === undefined || use.context.signal.aborted) throw error;
    return theirs;
  }
  await rm(attempt, { recursive: true, force: true });
  return (await readReceipt(receiptPath(stage, part.index)))?.rows ?? part.rows;
}

/** @throws FlexetlError for a part that a published load did not have: KEY_REUSED, ROWS_UNBALANCED */
async function findLoaded({ place }: FileUse, key: LoadKey, { index }: Part): Promise<number | undefined> {
  const receipt = await readReceipt(receiptPath(join(place.own, stageOf(key)), index));
  const load = findLoad(await readManifest(place.own), key);
  if (!load) return receipt?.rows;
  if (load.digest !== key.digest) throw keyReused(place.name, key, load);
  const part = load.parts.find((one) => one.part === index);
  if (part) return part.rows;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message: `Run key "${key.runKey}" has already published ${place.name}, without a part ${index}.`,
    hint: 'The input has changed since that run: load it under another run key.',
  });
}

async function encodePart(
  use: FileUse,
  key: LoadKey,
  part: Part,
  stage: string,
  attempt: string,
): Promise<Receipt> {
  const { encoder, options, context, place } = use;
  const columns = columnsFor(use, part.schema, await readManifest(place.own));
  const offered: FilePart = { ...part, columns, isPiece: place.single !== undefined };
  // Without the extension of the format: a reader's `**/*.parquet` must not find it.
  const path = join(attempt, 'whole');
  const made = await encoder.encode(offered, path, options, context);
  const encoded: readonly EncodedFile[] = typeof made === 'number' ? [{ path, rows: made }] : made;
  const rows = encoded.reduce((sum, file) => sum + file.rows, 0);
  if (rows !== part.rows) {
    throw new FlexetlError('ROWS_UNBALANCED', {
      message: `${place.name}: part ${part.index} has ${part.rows} rows, ${rows} were written. It was not loaded.`,
    });
  }
  const files: StagedFile[] = [];
  for (const [index, file] of encoded.entries()) {
    const suffix = encoded.length > 1 ? `-${String(index).padStart(5, '0')}` : '';
    const name = `${stageOf(key)}-${partName(part.index)}${suffix}${extensionOf(encoder, options)}`;
    files.push({
      // Pieces are checked as a whole, when they are one.
      ...(offered.isPiece ? await sealPiece(file.path) : await sealFile(file.path)),
      staged: relative(stage, file.path),
      path: file.folder === undefined ? name : `${file.folder}/${name}`,
      rows: file.rows,
      load: stageOf(key),
      ...(file.partition && { partition: file.partition }),
    });
  }
  return { part: part.index, rows, columns, files };
}

async function sealPiece(path: string): Promise<{ bytes: number; sha256: string }> {
  await syncPath(path);
  return { bytes: (await stat(path)).size, sha256: '' };
}

/** Makes a finished file durable. */
export async function sealFile(path: string): Promise<{ bytes: number; sha256: string }> {
  await syncPath(path);
  const hash = createHash('sha256');
  let bytes = 0;
  // A piece of this size blocks the event loop for less than a millisecond.
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
