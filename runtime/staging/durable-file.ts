/** Files that appear under their name complete and durable, or not at all. */
import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolders } from '../folders';

/** Gives a finished file its final name. A power cut leaves the old file or the new one. */
export async function publishFile(scratchFile: string, file: string): Promise<void> {
  makeFolders(dirname(file), 0o700);
  await syncPath(scratchFile);
  await rename(scratchFile, file);
  await syncPath(dirname(file));
}

/**
 * The same for a file that must not be replaced: an existing file is kept.
 * @returns whether the name was free
 */
async function publishOnce(scratchFile: string, file: string): Promise<boolean> {
  await syncPath(scratchFile);
  try {
    await link(scratchFile, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // A file system without links: two attempts at the same moment can replace each other's file.
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code ?? '')) throw error;
    await rename(scratchFile, file);
  }
  await syncPath(dirname(file));
  return true;
}

/** Writes a text as a whole file. */
export async function writeDurably(file: string, text: string, mode = 0o600): Promise<void> {
  makeFolders(dirname(file), 0o700);
  const scratchFile = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(scratchFile, text, { mode });
    await publishFile(scratchFile, file);
  } finally {
    await rm(scratchFile, { force: true });
  }
}

/** Writes a text as a complete file, which only one writer can make. @returns whether it was this one */
export async function writeOnce(file: string, text: string): Promise<boolean> {
  const scratchFile = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(scratchFile, text);
    return await publishOnce(scratchFile, file);
  } finally {
    await rm(scratchFile, { force: true });
  }
}

/** For `catch`: a file that is not there is undefined. */
export function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** Makes the content of a file, or the names in a folder, survive a power cut. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
