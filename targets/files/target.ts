/**
 * A folder of files as a target, over a {@link FileEncoder}: one file for each part, and a manifest that says which
 * files are the table.
 *
 * A part is written to a file of its attempt, made durable, and then gets a receipt under the part's name, which only
 * one attempt can take. Publishing gives the files their names in the folder and adds a version of the manifest.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import type { PluginContext } from '../../plugin/context';
import type { OpenTarget, Published, Target } from '../../plugin/target';
import { assertCreatable, makeFolders } from '../../runtime/folders';
import { beginLoad, findRemoved } from './begin';
import { columnsFor } from './columns';
import { extensionOf, type FileEncoder } from './encoder';
import { explainFailure } from './failures';
import { assertNoForeignFiles } from './foreign';
import { stagePart } from './load';
import { findState, readManifest } from './manifest';
import { openUse, type FileOptions, type FileUse } from './options';
import { publishOnce } from './publish';
import { showLatest } from './show';
import { removeAbandoned, removeStages, stageOf } from './stage';

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
    place: ({ path }) => ({ path, name: '' }),
    mode: ({ mode }) => mode,
    writing: ({ path: _, schema_contract: __, max_shrink: ___, ...others }) => others,
    guarantee: ({ path, mode }) =>
      encoder.singleFile?.test(path)
        ? 'Readers see the old file until the new one is complete; a retry never doubles a row.'
        : `Readers of the manifest see all files of a run at once or none${mode === 'replace' ? ', and until then the old ones' : ''}; a retry never doubles a row.`,
    open: (options, context) => openFileTarget(encoder, options, context),
  };
}

function openFileTarget<O extends FileOptions>(
  encoder: FileEncoder<O>,
  options: O,
  context: PluginContext,
): OpenTarget {
  // Only the encoder looks at its own options.
  const use = openUse(encoder, options, context) as unknown as FileUse;
  const { place } = use;
  const { own } = place;

  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw explainFailure(error, place.name);
    }
  };

  return {
    check: (schema) =>
      explained(async () => {
        assertCreatable(own);
        assertFile(use);
        const columns = columnsFor(use, schema, await readManifest(own));
        encoder.assertColumns?.(columns, options, place.name);
        if (place.single === undefined) await assertNoForeignFiles(place, extensionOf(encoder, options));
      }),

    begin: (key, anyRun) => explained(() => beginLoad(use, key, anyRun)),

    load: (key, part) => explained(async () => ({ rows: await stagePart(use, key, part) })),

    publish: (key, schema, rowsExpected, states = []) =>
      explained(async () => {
        makeFolders(own);
        await showLatest(place);
        let published: Published | undefined;
        // Another publish may take the next version of the manifest; then this one is added to that.
        while (!published) published = await publishOnce(use, key, schema, rowsExpected, states);
        await showLatest(place);
        await removeStages(place, [stageOf(key)]);
        await removeAbandoned(place);
        return published;
      }),

    state: (key) =>
      explained(async () => {
        const manifest = await readManifest(own);
        const isGone =
          manifest.files.length > 0 && findRemoved(place, manifest).length === manifest.files.length;
        return isGone ? undefined : findState(manifest, key);
      }),

    discard: (key) => explained(() => removeStages(place, [stageOf(key)])),
  };
}

/** @throws FlexetlError TARGET_INVALID where a folder has the name of the one file */
function assertFile({ place: { name, root, single } }: FileUse): void {
  const path = join(root, single ?? '.');
  if (single === undefined || !existsSync(path) || statSync(path).isFile()) return;
  throw new FlexetlError('TARGET_INVALID', {
    message: `${name} is a folder, not a file.`,
    hint: 'For a folder of files end the path with /, else choose another name in `path`.',
  });
}
