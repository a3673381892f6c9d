/**
 * The manifest: which files are the table, and what was loaded. Each publish adds a version under the next number, which
 * only one can take, and the highest number counts. So readers see the files before a publish or those after it.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import type { Schema } from '../../pipeline/types';
import type { EarlierLoad, LoadKey, SavedState, StateKey, StateToSave } from '../../plugin/target';
import { writeOnce } from '../../runtime/staging/durable-file';
import type { FilePlace } from './place';

export interface Manifest {
  version: number;
  schema: Schema;
  /** Options that a reader must know. */
  format: Readonly<Record<string, unknown>>;
  /** The files that are the table, in the order of its rows. */
  files: readonly TableFile[];
  /** The load ledger: what was published here, the latest last. */
  loads: readonly PublishedLoad[];
  /** Of incremental sources: how far their rows are in these files. */
  states?: readonly ManifestState[];
}

export interface ManifestState extends StateKey, SavedState {}

export interface TableFile {
  /** Below the folder, with `/` between names. */
  path: string;
  rows: number;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** Of a file in a folder like `country=DE`: its columns with their values as text. */
  partition?: Readonly<Record<string, string | null>>;
  /** The stage of its load. */
  load: string;
  /** Of a single file: where its content waits to be shown, below FlexETL's own folder. */
  content?: string;
}

export interface PublishedLoad extends LoadKey, EarlierLoad {
  /** Its rows are no longer here: a later load has replaced them, or somebody has removed a file. */
  replaced: boolean;
  parts: readonly { part: number; rows: number }[];
}

const NAME = /^manifest-(\d{8})\.json$/;
const DRAFT = /^manifest-(\d{8})\.json\..*\.tmp$/;

/** @returns version 0 if nothing was ever published. @param own FlexETL's own folder */
export async function readManifest(own: string): Promise<Manifest> {
  const latest = (await listVersions(own)).at(-1);
  if (latest === undefined) return { version: 0, schema: [], format: {}, files: [], loads: [] };
  return (await readVersion(own, latest)) ?? readManifest(own);
}

/** @returns false when another publish has taken that version; nothing is changed then */
export async function addManifest(own: string, manifest: Manifest): Promise<boolean> {
  try {
    return await writeOnce(versionPath(own, manifest.version), JSON.stringify(manifest));
  } catch (error) {
    // The publish that has taken the version has removed this draft of it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** The paths of the files of every version that is still there. */
export async function listKnownFiles(own: string): Promise<Set<string>> {
  const versions = await Promise.all((await listVersions(own)).map((version) => readVersion(own, version)));
  return new Set(versions.flatMap((manifest) => manifest?.files.map(({ path }) => path) ?? []));
}

/** Removes older versions, first the files that only they have, and drafts that were never taken. Idempotent. */
export async function removeOldVersions({ root, own }: FilePlace): Promise<void> {
  const versions = await listVersions(own);
  const { version, files } = await readManifest(own);
  const current = new Set(files.map(({ path }) => path));
  for (const old of versions.filter((number) => number < version)) {
    const { files: oldFiles = [] } = (await readVersion(own, old)) ?? {};
    for (const { path } of oldFiles) if (!current.has(path)) await removeFile(root, path);
    await rm(versionPath(own, old), { force: true });
  }
  // Drafts of versions that are taken: of attempts that were killed, or are too late.
  for (const name of await readdir(own).catch(() => [])) {
    const draftOf = Number(DRAFT.exec(name)?.[1] ?? Infinity);
    if (draftOf <= version) await rm(join(own, name), { force: true });
  }
}

/** With the folders that are empty then. */
async function removeFile(root: string, path: string): Promise<void> {
  await rm(join(root, path), { force: true });
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const isEmpty = await rmdir(join(root, folder)).then(
      () => true,
      () => false,
    );
    if (!isEmpty) return;
  }
}

export function countRows(files: readonly TableFile[]): number {
  return files.reduce((sum, { rows }) => sum + rows, 0);
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

async function listVersions(own: string): Promise<number[]> {
  const names = await readdir(own).catch(() => []);
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** @returns undefined when a later publish has removed it */
async function readVersion(own: string, version: number): Promise<Manifest | undefined> {
  const path = versionPath(own, version);
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

function versionPath(own: string, version: number): string {
  return join(own, `manifest-${String(version).padStart(8, '0')}.json`);
}

/** Where a file about a version is written before it gets its name; removed with that version's other drafts. */
export function draftPath(own: string, version: number): string {
  return `${versionPath(own, version)}.${randomUUID()}.tmp`;
}
