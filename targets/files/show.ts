/** What a publish does after its version of the manifest is there; done again by whoever finds it unfinished. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatType } from '../../pipeline/types';
import { ignoreMissing, publishFile, syncPath } from '../../runtime/staging/durable-file';
import { countRows, draftPath, readManifest, removeOldVersions, type Manifest } from './manifest';
import { USERS_MANIFEST, type FilePlace } from './place';
import { stageOf } from './stage';

/** Shows the latest version to users, then removes the files that it does not have. Idempotent. */
export async function showLatest(place: FilePlace): Promise<void> {
  for (;;) {
    const manifest = await readManifest(place.own);
    if (manifest.version === 0) return;
    if (place.single === undefined) await showFolder(place, manifest);
    else await showFile(place, manifest);
    await removeOldVersions(place);
    // Two publishes at once: the older one may have been shown last.
    if ((await readManifest(place.own)).version === manifest.version) return;
  }
}

async function showFolder({ root, own }: FilePlace, manifest: Manifest): Promise<void> {
  const path = join(root, USERS_MANIFEST);
  const text = `${JSON.stringify(describeForUsers(manifest), null, 1)}\n`;
  if ((await readFile(path, 'utf8').catch(ignoreMissing)) === text) return;
  // Among our own files, where it is removed with the other drafts if this process is killed.
  const draft = draftPath(own, manifest.version);
  await writeFile(draft, text, { mode: 0o666 });
  // Another publish that has shown this version, or a later one, removes it.
  await publishFile(draft, path).catch(ignoreMissing);
}

async function showFile({ root, own }: FilePlace, { files }: Manifest): Promise<void> {
  for (const { path, content } of files) {
    if (content === undefined) continue;
    const isNew = await rename(join(own, content), join(root, path)).then(() => true, ignoreMissing);
    if (!isNew) continue;
    await syncPath(root);
    await rm(dirname(join(own, content)), { recursive: true, force: true });
  }
}

function describeForUsers({ version, schema, format, files, loads }: Manifest): object {
  const latest = loads.at(-1);
  const runKeys = new Map(loads.map((load) => [stageOf(load), load.runKey]));
  return {
    format_version: 1,
    version,
    published_at: latest?.publishedAt,
    run_key: latest?.runKey,
    format,
    schema: schema.map(({ name, type }) => ({ name, type: formatType(type) })),
    rows: countRows(files),
    files: files.map(({ path, rows, bytes, sha256, partition, load }) => ({
      path,
      rows,
      bytes,
      sha256,
      ...(partition && { partition }),
      run_key: runKeys.get(load),
    })),
  };
}
