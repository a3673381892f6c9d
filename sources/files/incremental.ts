/**
 * Incremental reading by file: files that a published run has loaded are passed over. The state of such a source is the
 * list of these files; a target keeps it with their rows.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { z } from 'zod';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { count } from '../../pipeline/markdown';
import type { PluginContext } from '../../plugin/context';
import type { Position, SourceFile, SourceSurvey } from '../../plugin/source';
import { mapTogether } from '../../runtime/map-together';
import { findFiles, showPath, type FileKind } from './find';
import { describeFile, withContent } from './fingerprint';

/** An option of every source of files. */
export const incrementalFiles = z
  .strictObject({
    by: z.literal('file').describe('The unit: a file is loaded once.'),
    on_changed: z
      .enum(['fail', 'load'])
      .default('fail')
      .describe(
        'A file that was loaded and has another content now. fail: an error. load: it is loaded again, all of it; with mode: append rows of its old content stay.',
      ),
  })
  .optional()
  .describe(
    'Files that a published run has loaded are passed over. Needs targets with mode append or merge.',
  );

export interface FilesOptions {
  path: string;
  incremental?: z.infer<typeof incrementalFiles>;
}

/** For `Source.incremental`: a file counts by its path, whatever pattern has found it. */
export function selectFiles({ incremental }: FilesOptions): object | undefined {
  return incremental && { by: incremental.by };
}

/** Path and identity of each loaded file, in the order of loading. */
type FilesState = [path: string, identity: string][];

interface FoundFile {
  absolute: string;
  file: SourceFile;
  /** What it is to the runs before. */
  is: 'new' | 'loaded' | 'changed';
}

/**
 * Surveys the files of a source; of an incremental one only those that are new.
 * @param state of the last published run
 * @param survey of files, by their absolute paths
 * @throws FlexetlError SOURCE_MISSING; SOURCE_CHANGED for a file that was loaded and has another content now
 */
export async function surveyFiles(
  options: FilesOptions,
  context: PluginContext,
  kind: FileKind,
  state: Position | undefined,
  survey: (paths: readonly string[]) => Promise<SourceSurvey>,
): Promise<SourceSurvey> {
  const { path, incremental } = options;
  const { projectDir } = context;
  if (!incremental) return survey(await findFiles(path, projectDir, kind));
  const loaded = new Map((state ?? []) as FilesState);
  const paths = await findFiles(path, projectDir, kind).catch(async (error: unknown) => {
    // Loaded files may have been moved away.
    if (loaded.size > 0 && (await hasFolder(path, projectDir))) return [];
    throw error;
  });
  const found = await mapTogether(paths, (absolute) => compareFile(absolute, projectDir, loaded));
  const changed = found.filter(({ is }) => is === 'changed');
  if (incremental.on_changed === 'fail') assertNoneChanged(changed, loaded);
  const wanted = found.filter(({ is }) => is !== 'loaded');
  const scope = describeScope(path, found);
  if (wanted.length === 0)
    return { files: [], columns: [], sample: [], recordBytes: 0, detected: null, scope, nothingNew: true };
  const surveyed = await survey(wanted.map(({ absolute }) => absolute));
  return { ...surveyed, scope, state: addFiles(path, loaded, surveyed.files, found) };
}

async function compareFile(
  absolute: string,
  projectDir: string,
  loaded: ReadonlyMap<string, string>,
): Promise<FoundFile> {
  const file = await describeFile(absolute, showPath(absolute, projectDir));
  const before = loaded.get(file.path);
  if (before === undefined) return { absolute, file, is: 'new' };
  const [fingerprint, content] = before.split(' ');
  if (fingerprint === file.fingerprint) return { absolute, file, is: 'loaded' };
  // Copied or touched.
  const now = await withContent(absolute, file);
  const isSame = now.content !== undefined && now.content === content;
  return { absolute, file, is: isSame ? 'loaded' : 'changed' };
}

/** Fingerprint and, where there is one, digest of the content. */
function identityOf({ fingerprint, content }: SourceFile): string {
  return content === undefined ? fingerprint : `${fingerprint} ${content}`;
}

/**
 * The state after a run. Files that are not there any more are remembered too: they may come back. Where there are too
 * many, those are forgotten that were loaded first.
 */
function addFiles(
  path: string,
  loaded: ReadonlyMap<string, string>,
  files: readonly SourceFile[],
  found: readonly FoundFile[],
): FilesState {
  const state = new Map(loaded);
  for (const file of files) {
    state.delete(file.path);
    state.set(file.path, identityOf(file));
  }
  const isThere = new Set(found.map(({ file }) => file.path));
  for (const name of state.keys()) {
    if (state.size <= LIMITS.filesRememberedMax) break;
    if (!isThere.has(name)) state.delete(name);
  }
  if (state.size <= LIMITS.filesRememberedMax) return [...state];
  throw new FlexetlError('SOURCE_UNREADABLE', {
    message: `${path} has ${count(isThere.size)} files, an incremental source remembers ${count(LIMITS.filesRememberedMax)}.`,
    hint: 'Move files that are loaded to another folder.',
  });
}

/** @throws FlexetlError SOURCE_CHANGED */
function assertNoneChanged(
  [first, ...others]: readonly FoundFile[],
  loaded: ReadonlyMap<string, string>,
): void {
  if (!first) return;
  const { path, fingerprint } = first.file;
  const before = loaded.get(path)?.split(' ')[0] ?? '';
  const more = others.length > 0 ? ` ${count(others.length)} more have changed too.` : '';
  throw new FlexetlError('SOURCE_CHANGED', {
    message: `${path} has changed since it was loaded: its fingerprint (bytes, time, digest) was ${before}, now it is ${fingerprint}.${more} Nothing was loaded.`,
    hint: 'Put back the file that was loaded and write new rows to new files; or set incremental.on_changed: load, and the whole file is loaded again.',
  });
}

/** Whether the folder exists in which a folder or glob has files. */
async function hasFolder(path: string, projectDir: string): Promise<boolean> {
  const segments = path.split('/');
  const end = segments.findIndex((segment) => isDynamicPattern(segment));
  const base = end === -1 ? path : segments.slice(0, end).join('/') || (path.startsWith('/') ? '/' : '.');
  const found = await stat(resolve(projectDir, base)).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

function describeScope(path: string, found: readonly FoundFile[]): string {
  const [added, changed, loaded] = (['new', 'changed', 'loaded'] as const).map(
    (kind) => found.filter(({ is }) => is === kind).length,
  ) as [number, number, number];
  const rest = `${filesOf(loaded)} of ${path} ${loaded === 1 ? 'is' : 'are'} loaded already`;
  if (added + changed === 0) return `Nothing new: ${rest}`;
  const again = changed > 0 ? `, ${filesOf(changed)} that changed` : '';
  return `${filesOf(added)} new${again}; ${rest}`;
}

function filesOf(number: number): string {
  return number === 1 ? '1 file' : `${count(number)} files`;
}
