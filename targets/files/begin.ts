/** What a folder of files has of a load before it begins, and the removal of what other runs have left. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadAnswer, LoadKey } from '../../plugin/target';
import { addManifest, findLoad, findSameRows, readManifest, type Manifest, type TableFile } from './manifest';
import type { FileUse } from './options';
import type { FilePlace } from './place';
import { showLatest } from './show';
import { listStages, ofPipeline, ofRun, removeStages, stageOf } from './stage';

export async function beginLoad(use: FileUse, key: LoadKey, anyRun: boolean): Promise<LoadAnswer> {
  const { place } = use;
  await showLatest(place);
  const manifest = await forgetRemoved(use, key);
  const earlier = findLoad(manifest, key) ?? (anyRun ? findSameRows(manifest, key) : undefined);
  const open = (await listStages(place.own)).filter((name) => name.startsWith(ofPipeline(key)));
  const own = earlier ? undefined : open.find((name) => name === stageOf(key));
  await removeStages(
    place,
    open.filter((name) => name !== own),
  );
  if (earlier) return { answer: earlier.digest === key.digest ? 'published' : 'reused', load: earlier };
  if (own !== undefined) return { answer: 'resume' };
  return { answer: open.some((name) => name.startsWith(ofRun(key))) ? 'stale' : 'fresh' };
}

/** The files of the latest version that somebody has removed. */
export function findRemoved({ root, own }: FilePlace, { files }: Manifest): TableFile[] {
  return files.filter(({ path, content }) => {
    const isWaiting = content !== undefined && existsSync(join(own, content));
    return !isWaiting && !existsSync(join(root, path));
  });
}

/** Files that somebody has removed are no longer part of the table, and their loads no longer count. */
async function forgetRemoved(use: FileUse, key: LoadKey): Promise<Manifest> {
  const { place, context } = use;
  for (;;) {
    const manifest = await readManifest(place.own);
    const removed = findRemoved(place, manifest);
    if (removed.length === 0) return manifest;
    context.log.warn(
      `${place.name}: ${removed.length} of ${manifest.files.length} files are no longer there; the table is without their rows.`,
    );
    const gone = new Set(removed.map(({ load }) => load));
    const asked = findLoad(manifest, key);
    const files = manifest.files.filter((file) => !removed.includes(file));
    const added = await addManifest(place.own, {
      ...manifest,
      version: manifest.version + 1,
      ...(files.length === 0 && { schema: [], states: [] }),
      files,
      loads: manifest.loads
        .filter((load) => !(gone.has(stageOf(load)) && load === asked))
        .map((load) => ({ ...load, replaced: load.replaced || gone.has(stageOf(load)) })),
    });
    if (added) await showLatest(place);
  }
}
