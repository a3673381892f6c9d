/** Whether two paths are one file. */
import { readlink, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

/**
 * The same text for every path of a file or folder, through links too, whether it exists or will be made.
 * @param path absolute
 */
export async function fileIdentity(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) return path;
  }
  // A link to something that does not exist yet.
  const linked = await readlink(path).catch(() => undefined);
  if (linked !== undefined) return fileIdentity(resolve(dirname(path), linked));
  return `${await fileIdentity(dirname(path))}/${basename(path)}`;
}
