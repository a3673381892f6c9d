/** Ids that are made once and kept in a file: of a project, of a staging store. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { makeFolders } from './folders';
import { writeOnce } from './staging/durable-file';

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** @returns undefined where the file cannot be found; @throws FlexetlError CONFIG_INVALID for one without an id */
export async function readId(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  const id = text?.trim();
  if (id === undefined || ID.test(id)) return id;
  throw new FlexetlError('CONFIG_INVALID', {
    message: `${file} holds no id: ${JSON.stringify(id.slice(0, 40))}.`,
    hint: 'Restore it. If that is impossible, remove it: a new id is made, and open runs must be cancelled.',
  });
}

/**
 * The id in the file. If there is none, `made` becomes it; of commands that do this at the same time one wins, and all
 * get its id.
 * @param hint what to do if the file cannot be written
 * @throws FlexetlError PATH_UNWRITABLE, CONFIG_INVALID
 */
export async function makeId(file: string, made: string, hint: string): Promise<string> {
  const found = await readId(file);
  if (found !== undefined) return found;
  try {
    makeFolders(dirname(file), 0o700);
    await writeOnce(file, `${made}\n`);
  } catch (error) {
    throw new FlexetlError('PATH_UNWRITABLE', {
      message: `${file} cannot be written: ${messageOf(error)}.`,
      hint,
      cause: error,
    });
  }
  return (await readId(file)) ?? made;
}
