/**
 * A folder of files as a target, over a {@link FileEncoder}: one file for each part, and a manifest that says which
 * files are the table.
 *
 * A part is written to a file of its attempt, made durable, and then gets a receipt under the part's name, which only
 * one attempt can take. Publishing gives the files their names in the folder and adds a version of the manifest.
 */
import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { formatType, type Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import { path } from '../../plugin/options';
import { keyReused } from '../../plugin/key-reused';
import type { LoadKey, OpenTarget, Part, Published, StateToSave, Target } from '../../plugin/target';
import { assertCreatable, makeFolders } from '../../runtime/folders';
import { publishFile, syncPath, writeOnce } from '../../runtime/staging/durable-file';
import type { FileEncoder } from './encoder';
import {
  addManifest,
  findLoad,
  findSameRows,
  findState,
  OWN_FOLDER,
  readManifest,
  removeOldVersions,
  withState,
  type Manifest,
} from './manifest';
import {
  ofPipeline,
  ofRun,
  partName,
  readReceipt,
  readReceipts,
  receiptPath,
  stageOf,
  type Receipt,
} from './stage';

export interface FileOptions {
  path: string;
  mode: 'append' | 'replace';
}

/** To be spread into a `z.strictObject`. */
export const fileOptions = {
  path: path().describe('Folder of the files, relative to the project. It is created.'),
  mode: z
    .enum(['replace', 'append'])
    .default('replace')
    .describe(
      'replace: the folder has only the rows of this run. append: they are added to the existing rows.',
    ),
};

/** A target made of its encoder. */
export function fileTarget<O extends FileOptions>(
  encoder: FileEncoder<O>,
): Omit<Target<O>, 'type' | 'description' | 'options'> {
  return {
    capabilities: {
      modes: ['replace', 'append'],
      lane: encoder.lane,
    },
    name: (options) => options.path,
    place: ({ path: folder }) => ({ path: folder, name: '' }),
    mode: ({ mode }) => mode,
    writing: ({ path: _, ...others }) => others,
    guarantee: ({ mode }) =>
      `Readers of the manifest see all files of a run at once or none${mode === 'replace' ? ', and until then the old ones' : ''}; a retry never doubles a row.`,
    open: (options, context) => openFileTarget(encoder, options, context),
  };
}

function openFileTarget<O extends FileOptions>(
  encoder: FileEncoder<O>,
  options: O,
  context: PluginContext,
): OpenTarget {
  const dir = resolve(context.projectDir, options.path);
  const stagesDir = join(dir, OWN_FOLDER);
  const place = options.path;

  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw explainError(error, place);
    }
  };

  return {
    check: (schema) =>
      explained(async () => {
        assertCreatable(dir);
        if (options.mode === 'append') assertSame(place, schema, await readManifest(dir));
      }),

    begin: (key, anyRun) =>
      explained(async () => {
        const manifest = await readManifest(dir);
        const earlier = findLoad(manifest, key) ?? (anyRun ? findSameRows(manifest, key) : undefined);
        const open = (await readdir(stagesDir).catch(() => [])).filter((name) =>
          name.startsWith(ofPipeline(key)),
        );
        const own = earlier ? undefined : open.find((name) => name === stageOf(key));
        await removeLoads(ofPipeline(key), own);
        if (earlier) {
          const answer = earlier.digest === key.digest ? 'published' : 'reused';
          return { answer, load: earlier };
        }
        if (own !== undefined) return { answer: 'resume' };
        return { answer: open.some((name) => name.startsWith(ofRun(key))) ? 'stale' : 'fresh' };
      }),

    load: (key, part) =>
      explained(async () => {
        const already = await findLoaded(key, part);
        if (already !== undefined) return { rows: already };
        const stage = join(stagesDir, stageOf(key));
        makeFolders(stage);
        const file = `${partName(part.index)}-${randomUUID()}${encoder.extension}`;
        try {
          const rows = await encoder.encode(part, join(stage, file), options, context);
          assertCount(place, part, rows);
          await syncPath(join(stage, file));
          const receipt = { part: part.index, rows, file } satisfies Receipt;
          const won = await writeOnce(receiptPath(stage, part.index), JSON.stringify(receipt));
          if (won) return { rows };
        } catch (error) {
          await rm(join(stage, file), { force: true });
          // Another attempt has published the load meanwhile: its staging folder is removed.
          const theirs = await findLoaded(key, part).catch(() => undefined);
          if (theirs === undefined || context.signal.aborted) throw error;
          return { rows: theirs };
        }
        await rm(join(stage, file), { force: true });
        return { rows: (await readReceipt(receiptPath(stage, part.index)))?.rows ?? part.rows };
      }),

    publish: (key, schema, rowsExpected, state) =>
      explained(async () => {
        makeFolders(stagesDir);
        let published: Published | undefined;
        // Another publish may take the next version of the manifest; then this one is added to that.
        while (!published) published = await publishOnce(key, schema, rowsExpected, state);
        await rm(join(stagesDir, stageOf(key)), { recursive: true, force: true });
        await removeOldVersions(dir);
        await removeAbandoned();
        return published;
      }),

    state: (key) => explained(async () => findState(await readManifest(dir), key)),

    discard: (key) => explained(() => removeLoads(stageOf(key))),
  };

  /** Removes loads whose names start with a prefix, where they are not published. @param kept the name of one to keep */
  async function removeLoads(prefix: string, kept?: string): Promise<void> {
    const { files } = await readManifest(dir);
    const isLeft = (name: string): boolean =>
      name.startsWith(prefix) && (kept === undefined || !name.startsWith(kept)) && !files.includes(name);
    // A publish that was killed may have given files their names already.
    for (const folder of [stagesDir, dir])
      for (const name of (await readdir(folder).catch(() => [])).filter(isLeft))
        await rm(join(folder, name), { recursive: true, force: true });
  }

  async function publishOnce(
    key: LoadKey,
    schema: Schema,
    rowsExpected: number | undefined,
    state: StateToSave | undefined,
  ): Promise<Published | undefined> {
    const manifest = await readManifest(dir);
    const already = findLoad(manifest, key);
    if (already && already.digest !== key.digest) throw keyReused(place, key, already);
    if (already) return { rows: already.rows, inserted: already.rows, updated: 0 };
    if (options.mode === 'append') assertSame(place, schema, manifest);
    const stage = join(stagesDir, stageOf(key));
    const receipts = await readReceipts(stage);
    const rows = receipts.reduce((sum, receipt) => sum + receipt.rows, 0);
    if (rowsExpected !== undefined && rowsExpected !== rows) {
      throw new FlexetlError('ROWS_UNBALANCED', {
        message: `${place} should get ${rowsExpected} rows; its ${receipts.length} staged parts hold ${rows}. Nothing was published.`,
        hint: 'Did another program change the folder during the run? Run the pipeline again under another run key.',
      });
    }
    const files: string[] = [];
    for (const { part, file } of receipts) {
      const name = `${stageOf(key)}-${partName(part)}${encoder.extension}`;
      files.push(name);
      await publishFile(join(stage, file), join(dir, name)).catch((error: unknown) =>
        assertMoved(error, name),
      );
    }
    const isAppend = options.mode === 'append';
    const before = isAppend ? manifest.files : [];
    const states = isAppend ? (manifest.states ?? []) : [];
    const parts = receipts.map(({ part, rows: partRows }) => ({ part, rows: partRows }));
    const publishedAt = new Date().toISOString();
    const earlier = manifest.loads.map((load) => ({
      ...load,
      replaced: load.replaced || options.mode === 'replace',
    }));
    const added = await addManifest(dir, {
      version: manifest.version + 1,
      schema,
      files: [...before, ...files],
      loads: [...earlier, { ...key, rows, publishedAt, replaced: false, parts }],
      states: state ? withState(states, key, state, publishedAt) : states,
    });
    return added ? { rows, inserted: rows, updated: 0 } : undefined;
  }

  /** A file that is not in staging has its name already, from an attempt that was killed. */
  async function assertMoved(error: unknown, name: string): Promise<void> {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await stat(join(dir, name));
  }

  /** @throws FlexetlError for a part that a published load did not have: KEY_REUSED, ROWS_UNBALANCED */
  async function findLoaded(key: LoadKey, { index }: Part): Promise<number | undefined> {
    const receipt = await readReceipt(receiptPath(join(stagesDir, stageOf(key)), index));
    const load = findLoad(await readManifest(dir), key);
    if (!load) return receipt?.rows;
    if (load.digest !== key.digest) throw keyReused(place, key, load);
    const part = load.parts.find((one) => one.part === index);
    if (part) return part.rows;
    throw new FlexetlError('ROWS_UNBALANCED', {
      message: `Run key "${key.runKey}" has already published ${place}, without a part ${index}.`,
      hint: 'The input has changed since that run: load it under another run key.',
    });
  }

  /** Removes what crashed runs have left. */
  async function removeAbandoned(): Promise<void> {
    for (const name of await readdir(stagesDir)) {
      const info = await stat(join(stagesDir, name)).catch(() => undefined);
      const isOld = info?.isDirectory() === true && Date.now() - info.mtimeMs > LIMITS.stagingKeepMs;
      if (isOld) await rm(join(stagesDir, name), { recursive: true, force: true });
    }
  }
}

function assertCount(place: string, part: Part, rows: number): void {
  if (rows === part.rows) return;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message: `${place}: part ${part.index} has ${part.rows} rows, ${rows} were written. It was not loaded.`,
  });
}

/** @throws FlexetlError TARGET_INCOMPATIBLE when the folder has files with other columns */
function assertSame(place: string, schema: Schema, { version, schema: existing }: Manifest): void {
  const list = (columns: Schema): string =>
    columns.map(({ name, type }) => `${name} ${formatType(type)}`).join(', ');
  if (version === 0 || list(existing) === list(schema)) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place} has files with other columns: ${list(existing)}; the pipeline has ${list(schema)}.`,
    hint: 'Change the pipeline with select, rename or cast, or use mode: replace.',
  });
}

function explainError(error: unknown, place: string): unknown {
  if (error instanceof FlexetlError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') {
    return new FlexetlError('DISK_FULL', {
      message: `The disk of ${place} is full.`,
      hint: 'Free some space; the run then continues by itself.',
      cause: error,
    });
  }
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) return error;
  return new FlexetlError('TARGET_INVALID', {
    message: `${place} cannot be written: ${messageOf(error)}.`,
    hint: 'Check that the folder can be created and written to, or choose another one in `path`.',
    cause: error,
  });
}
