/** Publishing: the staged files of a load get their names in the folder, then a version of the manifest has them. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { findColumn, formatType, sameType, type Schema } from '../../pipeline/types';
import { assertNotShrunk } from '../../plugin/max-shrink';
import { keyReused } from '../../plugin/key-reused';
import type { LoadKey, Published, StateToSave } from '../../plugin/target';
import { makeFolders } from '../../runtime/folders';
import { syncPath } from '../../runtime/staging/durable-file';
import { columnsFor, incompatible } from './columns';
import { extensionOf } from './encoder';
import { sealFile } from './load';
import { addManifest, countRows, findLoad, readManifest, withState, type TableFile } from './manifest';
import { formatOf, type FileUse } from './options';
import { OWN_FOLDER, type FilePlace } from './place';
import { readReceipts, stageOf, type Receipt } from './stage';

/** @returns undefined when another publish has taken the next version meanwhile: to be tried again on that one */
export async function publishOnce(
  use: FileUse,
  key: LoadKey,
  schema: Schema,
  rowsExpected: number | undefined,
  toSave: readonly StateToSave[],
): Promise<Published | undefined> {
  const { options, place } = use;
  const manifest = await readManifest(place.own);
  const already = findLoad(manifest, key);
  if (already && already.digest !== key.digest) throw keyReused(place.name, key, already);
  if (already) return { rows: already.rows, inserted: already.rows, updated: 0 };
  const columns = columnsFor(use, schema, manifest);
  const receipts = await readReceipts(join(place.own, stageOf(key)));
  const rows = receipts.reduce((sum, receipt) => sum + receipt.rows, 0);
  assertRows(place.name, receipts, rows, rowsExpected);
  assertStaged(place.name, receipts, columns);
  const isAppend = options.mode === 'append';
  if (!isAppend) assertNotShrunk(place.name, countRows(manifest.files), rows, options.max_shrink);
  const before = isAppend ? manifest.files : [];
  assertFoldersDiffer(place, [...before, ...receipts.flatMap((receipt) => receipt.files)]);
  const files = await nameFiles(use, key, receipts, columns, before.length === 0);
  const publishedAt = new Date().toISOString();
  const states = isAppend ? (manifest.states ?? []) : [];
  const added = await addManifest(place.own, {
    version: manifest.version + 1,
    schema: columns,
    format: formatOf(use),
    files: [...before, ...files],
    loads: [
      ...manifest.loads.map((load) => ({ ...load, replaced: load.replaced || !isAppend })),
      {
        ...key,
        rows,
        publishedAt,
        replaced: false,
        parts: receipts.map(({ part, rows }) => ({ part, rows })),
      },
    ],
    states: toSave.reduce((all, state) => withState(all, key, state, publishedAt), states),
  });
  return added ? { rows, inserted: rows, updated: 0 } : undefined;
}

function assertRows(
  place: string,
  receipts: readonly Receipt[],
  rows: number,
  rowsExpected: number | undefined,
): void {
  if (rowsExpected === undefined || rowsExpected === rows) return;
  throw new FlexetlError('ROWS_UNBALANCED', {
    message: `${place} should get ${rowsExpected} rows; its ${receipts.length} staged parts hold ${rows}. Nothing was published.`,
    hint: 'Did another program change the folder during the run? Run the pipeline again under another run key.',
  });
}

/** Another pipeline may have added columns since the parts were written. */
function assertStaged(place: string, receipts: readonly Receipt[], columns: Schema): void {
  const problems = receipts.flatMap((receipt) =>
    receipt.columns.flatMap(({ name, type }) => {
      const found = findColumn(columns, name);
      return found && sameType(found.type, type)
        ? []
        : [`column "${name}" was loaded as ${formatType(type)}`];
    }),
  );
  if (problems.length > 0) throw incompatible(place, [...new Set(problems)]);
}

/** On a file system that ignores case, `country=DE` and `country=de` would be one folder. */
function assertFoldersDiffer({ name, root }: FilePlace, files: readonly TableFile[]): void {
  if (!existsSync(join(root, OWN_FOLDER.toUpperCase()))) return;
  const seen = new Map<string, string>();
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    const lower = folder.toLowerCase();
    if (seen.has(lower)) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${name} is on a file system that ignores case, and values of partition_by differ only in case. Nothing was published.`,
        hint: 'Choose another column, or make one of upper(…) or lower(…) with a derive.',
      });
    }
    seen.set(lower, folder);
  }
}

/** @param isFirst the table has no other files */
async function nameFiles(
  use: FileUse,
  key: LoadKey,
  receipts: readonly Receipt[],
  columns: Schema,
  isFirst: boolean,
): Promise<TableFile[]> {
  const { encoder, options, place } = use;
  const stage = join(place.own, stageOf(key));
  if (place.single !== undefined) return [await combineFiles(use, key, receipts, columns, place.single)];
  const staged = receipts.flatMap((receipt) => receipt.files);
  if (staged.length === 0 && isFirst && encoder.combine && !encoder.isFolderTree?.(options)) {
    // Readers of the folder find the columns in it.
    const { content = '', ...file } = await combineFiles(
      use,
      key,
      [],
      columns,
      `${stageOf(key)}-empty${extensionOf(encoder, options)}`,
    );
    await rename(join(place.own, content), join(place.root, file.path));
    await syncPath(place.root);
    return [file];
  }
  const folders = new Set([place.root]);
  for (const { staged: from, path } of staged) {
    const to = join(place.root, path);
    for (let folder = dirname(to); folder !== place.root; folder = dirname(folder)) folders.add(folder);
    makeFolders(dirname(to));
    await rename(join(stage, from), to).catch((error: unknown) => assertNamed(error, to));
  }
  for (const folder of folders) await syncPath(folder);
  return staged.map(({ staged: _, ...file }) => file);
}

/** A file that is not in the stage has its name already, from an attempt that was killed. */
async function assertNamed(error: unknown, path: string): Promise<void> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  await stat(path);
}

/** One file of all parts, to be shown under a name after the manifest has it. */
async function combineFiles(
  { encoder, options, place, context }: FileUse,
  key: LoadKey,
  receipts: readonly Receipt[],
  columns: Schema,
  name: string,
): Promise<TableFile> {
  const stage = join(place.own, stageOf(key));
  const content = join(stage, `${randomUUID()}.whole`);
  makeFolders(stage);
  const pieces = receipts.flatMap(({ files }) => files.map(({ staged }) => join(stage, staged)));
  try {
    await encoder.combine?.(pieces, content, columns, options, context);
  } catch (error) {
    await rm(content, { force: true });
    throw error;
  }
  const rows = receipts.reduce((sum, receipt) => sum + receipt.rows, 0);
  const sealed = await sealFile(content);
  return { path: name, rows, ...sealed, load: stageOf(key), content: relative(place.own, content) };
}
