/** Where a target keeps its files: a folder of them, or one file in a folder. */
import { basename, dirname, join, resolve } from 'node:path';

/** Folder of FlexETL's own files. Readers pass it over: its name starts with _, and no file in it has a format's extension. */
export const OWN_FOLDER = '_flexetl';

/** For users and their programs: the files that are the table. */
export const USERS_MANIFEST = '_manifest.json';

export interface FilePlace {
  /** For users. */
  name: string;
  /** Absolute; the files are in it. */
  root: string;
  /** Absolute folder of FlexETL's own files. */
  own: string;
  /** The name of the one file. */
  single?: string;
}

/** @param path of the options */
export function openPlace(projectDir: string, path: string, singleFile: RegExp | undefined): FilePlace {
  const at = resolve(projectDir, path);
  if (!singleFile?.test(path)) return { name: path, root: at, own: join(at, OWN_FOLDER) };
  const single = basename(at);
  return { name: path, root: dirname(at), own: join(dirname(at), OWN_FOLDER, single), single };
}
