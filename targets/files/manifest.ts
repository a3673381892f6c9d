/**
 * The manifest of a folder: which of its files are the table. Each publish adds a version under the next number, which
 * only one can take, and the highest number counts. So readers see the files before a publish or those after it.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import type { EarlierLoad, LoadKey, SavedState, StateKey, StateToSave } from '../../plugin/target';
import { writeOnce } from '../../runtime/staging/durable-file';

/** Folder of FlexETL's own files; readers of `*.csv` do not see it. */
export const OWN_FOLDER = '_flexetl';

export interface Manifest {
  version: number;
  schema: Schema;
  /** Names of the files that are the table, in the order of its rows. */
  files: readonly string[];
  /** The load ledger: what was published here, the latest last. */
  loads: readonly PublishedLoad[];
  /** Of incremental sources: how far their rows are in these files. */
  states?: readonly ManifestState[];
}

export interface ManifestState extends StateKey, SavedState {}

export interface PublishedLoad extends LoadKey, EarlierLoad {
  /** A later load has replaced its rows. */
  replaced: boolean;
  parts: readonly { part: number; rows: number }[];
}

const NAME = /^manifest-(\d{8})\.json$/;
const DRAFT = /^manifest-(\d{8})\.json\..*\.tmp$/;

/** @returns version 0 if nothing was ever published */
export async function readManifest(dir: string): Promise<Manifest> {
  const latest = (await listVersions(dir)).at(-1);
  if (latest === undefined) return { version: 0, schema: [], files: [], loads: [] };
  return (await readVersion(dir, latest)) ?? readManifest(dir);
}

/** @returns false when another publish has taken that version; nothing is changed then */
export async function addManifest(dir: string, manifest: Manifest): Promise<boolean> {
  try {
    return await writeOnce(versionPath(dir, manifest.version), JSON.stringify(manifest));
  } catch (error) {
    // The publish that has taken the version has removed this draft of it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Removes older versions, first the files that only they have, and drafts that were never taken. Idempotent. */
export async function removeOldVersions(dir: string): Promise<void> {
  const versions = await listVersions(dir);
  const { version, files } = await readManifest(dir);
  for (const old of versions.filter((number) => number < version)) {
    const { files: oldFiles = [] } = (await readVersion(dir, old)) ?? {};
    for (const name of oldFiles) if (!files.includes(name)) await rm(join(dir, name), { force: true });
    await rm(versionPath(dir, old), { force: true });
  }
  // Drafts of versions that are taken: of attempts that were killed, or are too late.
  for (const name of await readdir(join(dir, OWN_FOLDER)).catch(() => [])) {
    const draftOf = Number(DRAFT.exec(name)?.[1] ?? Infinity);
    if (draftOf <= version) await rm(join(dir, OWN_FOLDER, name), { force: true });
  }
}

/** What a run key has published here, whatever it was. */
export function findLoad({ loads }: Manifest, key: LoadKey): PublishedLoad | undefined {
  return loads.find((load) => isOfPipeline(load, key) && load.runKey === key.runKey);
}

/** The latest published load of the same rows that are still here, of any run. */
export function findSameRows({ loads }: Manifest, key: LoadKey): PublishedLoad | undefined {
  return loads.findLast((load) => isOfPipeline(load, key) && load.digest === key.digest && !load.replaced);
}

export function findState({ states = [] }: Pick<Manifest, 'states'>, key: StateKey): SavedState | undefined {
  const found = states.find((one) => isOfSource(one, key));
  return found && { state: found.state, runKey: found.runKey, savedAt: found.savedAt };
}

/** The states with a new one. */
export function withState(
  states: readonly ManifestState[],
  { project, pipeline, runKey }: LoadKey,
  { source, state }: StateToSave,
  savedAt: string,
): ManifestState[] {
  const key = { project, pipeline, source };
  return [...states.filter((one) => !isOfSource(one, key)), { ...key, state, runKey, savedAt }];
}

function isOfSource(one: StateKey, { project, pipeline, source }: StateKey): boolean {
  return one.project === project && one.pipeline === pipeline && one.source === source;
}

function isOfPipeline(load: LoadKey, { project, pipeline }: LoadKey): boolean {
  return load.project === project && load.pipeline === pipeline;
}

async function listVersions(dir: string): Promise<number[]> {
  const names = await readdir(join(dir, OWN_FOLDER)).catch(() => []);
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** @returns undefined when a later publish has removed it */
async function readVersion(dir: string, version: number): Promise<Manifest | undefined> {
  const path = versionPath(dir, version);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new FlexetlError('TARGET_INVALID', {
      message: `${path} is damaged: it is not JSON.`,
      hint: 'Restore it, or move the folder away and load again under another run key.',
    });
  }
}

function versionPath(dir: string, version: number): string {
  return join(dir, OWN_FOLDER, `manifest-${String(version).padStart(8, '0')}.json`);
}
