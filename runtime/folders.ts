/** Folders with their parents. */
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Makes a folder and those above it. Not `mkdir` with `recursive: true`: where folders cannot be made, as in
 * /proc, Node 20 retries for ever.
 * @throws Error of the system; with the code ENOTDIR where a file is in the way
 */
export function makeFolders(path: string, mode = 0o777): void {
  // A file cannot contain folders: the error names the file.
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
 * Checks that files can be made in a folder, which need not exist yet. Leaves nothing behind.
 * @throws Error of the system; with the code ENOTDIR where a file is in the way
 */
export function assertCreatable(path: string): void {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  if (!statSync(folder).isDirectory())
    throw Object.assign(new Error(`${folder} is a file, not a folder`), { code: 'ENOTDIR' });
  // By trying: /proc and network shares report access and then refuse.
  rmdirSync(mkdtempSync(join(folder, '.flexetl-')));
}
