/** Files of the source that all attempts and workers of a run share, in a folder. */
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SharedFiles } from '../../plugin/context';
import { makeFolders } from '../folders';
import { findPath, publishOnce } from './durable-file';

/** @param dir absolute; made with the first file */
export function createSharedFiles(dir: string): SharedFiles {
  const find = (name: string): Promise<string | undefined> => findPath(join(dir, name));
  return {
    find,
    async make(name, write) {
      const path = join(dir, name);
      if ((await find(name)) !== undefined) return path;
      makeFolders(dirname(path), 0o700);
      const scratchFile = `${path}.${randomUUID()}.tmp`;
      try {
        await write(scratchFile);
        await publishOnce(scratchFile, path);
      } finally {
        await rm(scratchFile, { force: true });
      }
      return path;
    },
    async list(prefix) {
      const folder = dirname(`${prefix}x`);
      const names = await readdir(join(dir, folder)).catch(() => []);
      return names
        .filter((name) => !name.endsWith('.tmp'))
        .map((name) => join(folder, name))
        .filter((name) => name.startsWith(prefix))
        .sort();
    },
    remove: (name) => rm(join(dir, name), { force: true }),
  };
}
