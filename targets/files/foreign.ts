/** Files in the folder that FlexETL has not written: readers of the folder would take them as rows of the table. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { listKnownFiles, readManifest } from './manifest';
import { USERS_MANIFEST, type FilePlace } from './place';
import { listStages, stageOfFile } from './stage';

/**
 * Other kinds of files are nobody's business: they are left as they are.
 * @param extension of the files that readers take
 * @throws FlexetlError TARGET_INVALID
 */
export async function assertNoForeignFiles(place: FilePlace, extension: string): Promise<void> {
  // In this order: a file that a publish shows meanwhile is of a stage, then in a manifest, and then removed.
  const found = await listFiles(place.root, extension);
  const stages = new Set(await listStages(place.own));
  const known = await listKnownFiles(place.own);
  const foreign = found.filter((path) => {
    const stage = stageOfFile(path.split('/').at(-1) ?? '');
    if (known.has(path) || (stage !== undefined && stages.has(stage))) return false;
    return existsSync(join(place.root, path));
  });
  // A manifest of another tool would be replaced.
  const manifest = join(place.root, USERS_MANIFEST);
  if (existsSync(manifest) && (await readManifest(place.own)).version === 0) foreign.push(USERS_MANIFEST);
  if (foreign.length === 0) return;
  const [first] = foreign;
  throw new FlexetlError('TARGET_INVALID', {
    message:
      `${place.name} has ${foreign.length} ${foreign.length === 1 ? 'file' : 'files'} that FlexETL has not written, or no longer knows; the first is ${first}. ` +
      'Readers of the folder would take them as part of this table.',
    hint: 'Move them away, or choose a folder of its own in `path`. FlexETL never removes them.',
  });
}

/** Paths below a folder, not in folders that readers pass over. */
async function listFiles(root: string, extension: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (/^[_.]/.test(entry.name)) continue;
    if (entry.isDirectory()) found.push(...(await listFiles(root, extension, path)));
    else if (entry.name.toLowerCase().endsWith(extension)) found.push(path);
  }
  return found;
}
