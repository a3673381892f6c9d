/** Folders with their parents. */
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Makes a folder and those above it. Not `mkdir` with `recursive: true`: where a file system takes no folders, as
 * /proc does, that tries again for ever.
 * @throws Error of the system; with the code ENOTDIR where a file is in the way
 */
export function makeFolders(path: string, mode = 0o777): void {
  // Below a file nothing can be, which the file itself tells best.
  const found = existsSync(path) && statSync(path);
  if (found && found.isDirectory()) return;
  if (found) throw Object.assign(new Error(`${path} is a file, not a folder`), { code: 'ENOTDIR' });
  const parent = dirname(path);
  if (parent !== path) makeFolders(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Finds out whether files can be made in a folder that need not be there yet, and leaves nothing.
 * @throws Error of the system; with the code ENOTDIR where a file is in the way
 */
export function assertCreatable(path: string): void {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  if (!statSync(folder).isDirectory())
    throw Object.assign(new Error(`${folder} is a file, not a folder`), { code: 'ENOTDIR' });
  // Only trying shows it: /proc and network shares allow access and then refuse.
  rmdirSync(mkdtempSync(join(folder, '.flexetl-')));
}
