/** The files of a source: which they are, and whether they still are what they were. */
import { createHash } from 'node:crypto';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import type { SourceFile } from '../../pipeline/plugin';
import { suggest } from '../../pipeline/suggest';

const IN_DIRECTORY = /\.(csv|tsv)(\.gz)?$/i;
const NAMES_SHOWN = 5;
const FINGERPRINT_BYTES = 64 * 1024;

/**
 * The absolute paths a user's `path` means, sorted bytewise.
 * @throws FlexetlError SOURCE_MISSING, SOURCE_UNREADABLE
 */
export async function resolveFiles(path: string, projectDir: string): Promise<string[]> {
  const absolute = resolve(projectDir, path);
  const found = await stat(absolute).catch(() => undefined);
  if (found?.isDirectory()) {
    const names = (await readdir(absolute)).filter((name) => IN_DIRECTORY.test(name));
    if (names.length === 0) {
      throw missing(`The folder ${path} has no file named *.csv, *.tsv, *.csv.gz or *.tsv.gz.`);
    }
    return sortBytewise(names.map((name) => join(absolute, name)));
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
  if (!isDynamicPattern(path)) throw await explainMissing(path, absolute);
  const paths = await glob(path, {
    cwd: projectDir,
    absolute: true,
    onlyFiles: true,
    expandDirectories: false,
  });
  if (paths.length === 0) throw missing(`No file matches ${path}.`);
  return sortBytewise(paths.map((match) => resolve(match)));
}

function sortBytewise(paths: string[]): string[] {
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function missing(message: string, hint = 'Paths are relative to the project folder.'): FlexetlError {
  return new FlexetlError('SOURCE_MISSING', { message, hint });
}

async function explainMissing(path: string, absolute: string): Promise<FlexetlError> {
  const folder = dirname(absolute);
  const names = await readdir(folder).catch(() => undefined);
  if (!names) return missing(`There is no file ${path}: its folder does not exist.`);
  const near = suggest(basename(absolute), names);
  const listed = names.filter((name) => IN_DIRECTORY.test(name)).sort();
  const shown = listed.slice(0, NAMES_SHOWN).join(', ');
  const more = listed.length > NAMES_SHOWN ? ` and ${listed.length - NAMES_SHOWN} more` : '';
  const there = listed.length > 0 ? ` Its folder has ${shown}${more}.` : ' Its folder has no CSV files.';
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
export async function openSource(absolute: string, shown: string): Promise<FileHandle> {
  try {
    return await open(absolute, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw missing(`There is no file ${shown}.`);
    throw new FlexetlError('SOURCE_UNREADABLE', {
      message: `${shown} cannot be opened: ${messageOf(error)}.`,
      hint: 'Check the permissions of the file.',
      cause: error,
    });
  }
}

/** Size, mtime in milliseconds and SHA-256 of the first and last 64 KiB, joined by dashes. */
export async function describeFile(absolute: string, shown: string): Promise<SourceFile> {
  const handle = await openSource(absolute, shown);
  try {
    const { size, mtimeMs } = await handle.stat();
    const hash = createHash('sha256');
    for (const position of [0, Math.max(FINGERPRINT_BYTES, size - FINGERPRINT_BYTES)]) {
      const { buffer, bytesRead } = await handle.read({
        buffer: Buffer.alloc(FINGERPRINT_BYTES),
        position,
      });
      hash.update(buffer.subarray(0, bytesRead));
    }
    return {
      path: shown,
      bytes: size,
      fingerprint: `${size}-${Math.trunc(mtimeMs)}-${hash.digest('hex').slice(0, 32)}`,
    };
  } finally {
    await handle.close();
  }
}

/** @throws FlexetlError SOURCE_CHANGED telling what changed */
export async function assertSameFile(absolute: string, before: SourceFile): Promise<void> {
  const after = await describeFile(absolute, before.path).catch((error: unknown) => {
    throw changed(before.path, messageOf(error));
  });
  if (after.fingerprint === before.fingerprint) return;
  const [sizeBefore = '', timeBefore = ''] = before.fingerprint.split('-');
  const [sizeAfter = '', timeAfter = ''] = after.fingerprint.split('-');
  if (sizeBefore !== sizeAfter) {
    throw changed(before.path, `It had ${sizeBefore} bytes, now it has ${sizeAfter}.`);
  }
  const time = (ms: string): string => new Date(Number(ms)).toISOString();
  const touched = timeBefore !== timeAfter;
  throw changed(
    before.path,
    touched
      ? `It was last written at ${time(timeBefore)}, now at ${time(timeAfter)}.`
      : 'Its bytes are others.',
  );
}

function changed(path: string, what: string): FlexetlError {
  return new FlexetlError('SOURCE_CHANGED', {
    message: `${path} changed while the run was reading it. ${what}`,
    hint: 'Start a new run, and replace files by renaming instead of writing into them.',
  });
}
