/** Which files a source has. */
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { suggest } from '../../pipeline/suggest';

const NAMES_SHOWN = 5;

/** The files of a folder that a source takes. */
export interface FileKind {
  /** What they are called: `CSV`. */
  name: string;
  pattern: RegExp;
  /** The pattern for users: `*.csv or *.tsv`. */
  shown: string;
}

/**
 * The absolute paths of a user's `path`, which is a file, a folder or a glob; sorted bytewise.
 * @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE
 */
export async function findFiles(path: string, projectDir: string, kind: FileKind): Promise<string[]> {
  const absolute = resolve(projectDir, path);
  const found = await stat(absolute).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP' || error.code === 'EACCES') throw cannotOpen(path, error);
    return undefined;
  });
  if (found?.isDirectory()) {
    const paths = await filesIn(absolute, kind);
    if (paths.length === 0) {
      throw missing(`The folder ${path} has no file named ${kind.shown}.`);
    }
    return sortBytewise(paths);
  }
  if (found) {
    if (!found.isFile()) {
      throw new FlexetlError('SOURCE_UNREADABLE', {
        message: `${path} is not a regular file.`,
        hint: 'A source is read more than once: write it to a file first.',
      });
    }
    return [absolute];
  }
  const paths = await matchFiles(path, projectDir);
  if (paths.length === 0) {
    throw isDynamicPattern(path)
      ? missing(`No file matches ${path}.`)
      : await explainMissing(path, absolute, kind);
  }
  return sortBytewise(paths.map((match) => resolve(match)));
}

/** The files that a glob matches; where there are none, its first folders are names, whatever characters they have. */
async function matchFiles(path: string, projectDir: string): Promise<string[]> {
  const match = (pattern: string, cwd: string): Promise<string[]> =>
    glob(pattern, { cwd, absolute: true, onlyFiles: true, expandDirectories: false });
  const found = await match(path, projectDir);
  if (found.length > 0) return found;
  const segments = path.split('/');
  let folder = path.startsWith('/') ? '/' : projectDir;
  while (segments.length > 1 && (await isFolder(join(folder, segments[0] ?? ''))))
    folder = join(folder, segments.shift() ?? '');
  return match(segments.join('/'), folder);
}

/** Hidden files and folders are passed over, as a glob does. */
async function filesIn(folder: string, kind: FileKind): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => kind.pattern.test(name) && !name.startsWith('.'));
  const paths = names.map((name) => join(folder, name));
  const folders = await Promise.all(paths.map(isFolder));
  return paths.filter((_, index) => !folders[index]);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function sortBytewise(paths: string[]): string[] {
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function missing(message: string, hint = 'Paths are relative to the project folder.'): FlexetlError {
  return new FlexetlError('SOURCE_MISSING', { message, hint });
}

async function explainMissing(path: string, absolute: string, kind: FileKind): Promise<FlexetlError> {
  const folder = dirname(absolute);
  const names = await readdir(folder).catch(() => undefined);
  if (!names) return missing(`There is no file ${path}: its folder does not exist.`);
  const near = suggest(basename(absolute), names);
  const listed = names.filter((name) => kind.pattern.test(name)).sort();
  const shown = listed.slice(0, NAMES_SHOWN).join(', ');
  const more = listed.length > NAMES_SHOWN ? ` and ${listed.length - NAMES_SHOWN} more` : '';
  const there =
    listed.length > 0 ? ` Its folder has ${shown}${more}.` : ` Its folder has no ${kind.name} files.`;
  return missing(
    `There is no file ${path}.${there}`,
    near ? `Did you mean ${join(dirname(path), near)}?` : 'Paths are relative to the project folder.',
  );
}

/** The path as users see it: relative to the project where it lies inside. */
export function showPath(absolute: string, projectDir: string): string {
  const path = relative(projectDir, absolute);
  return path === '..' || path.startsWith(`..${sep}`) ? absolute : path;
}

/** Opens a file for reading. @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE */
export async function openFile(absolute: string, shown: string): Promise<FileHandle> {
  try {
    return await open(absolute, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw missing(`There is no file ${shown}.`);
    throw cannotOpen(shown, error);
  }
}

function cannotOpen(shown: string, error: unknown): FlexetlError {
  const isLoop = (error as NodeJS.ErrnoException).code === 'ELOOP';
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: `${shown} cannot be opened: ${messageOf(error)}.`,
    hint: isLoop
      ? 'Its links lead back to themselves: name the file itself.'
      : 'Check the permissions of the file.',
    cause: error,
  });
}
