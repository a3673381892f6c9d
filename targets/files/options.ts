/** The options that every file target has, and how they are used. */
import { z } from 'zod';
import type { PluginContext } from '../../plugin/context';
import { maxShrink, path } from '../../plugin/options';
import { extensionOf, type FileEncoder } from './encoder';
import { openPlace, type FilePlace } from './place';

export interface FileOptions {
  path: string;
  mode: 'append' | 'replace';
  /** Default: freeze. */
  max_shrink?: number | undefined;
  schema_contract?: 'evolve' | 'freeze' | undefined;
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
  max_shrink: maxShrink(),
};

/** Beside them, where the encoder writes the columns that it is given. */
export const evolvingOptions = {
  ...fileOptions,
  schema_contract: z
    .enum(['evolve', 'freeze'])
    .optional()
    .describe(
      'For append, when the existing files lack columns of the pipeline: freeze, the default, is an error, evolve adds them. Columns that the pipeline lacks are null.',
    ),
};

/** For `superRefine` of options with a path that can name one file. @param onlyFolders options that need a folder */
export function refuseForFile(
  options: FileOptions,
  onlyFolders: Readonly<Record<string, unknown>>,
  context: z.RefinementCtx,
): void {
  if (options.mode === 'append') {
    const message =
      'one file can only be replaced, found append: for append end `path` with / to name a folder.';
    context.addIssue({ code: 'custom', path: ['mode'], message });
  }
  for (const [name, value] of Object.entries(onlyFolders)) {
    if (value === undefined) continue;
    const message = 'needs a folder, but `path` names one file: end `path` with / to name a folder.';
    context.addIssue({ code: 'custom', path: [name], message });
  }
}

/** A target of files with its options, as one step uses it. */
export interface FileUse<O extends FileOptions = FileOptions> {
  encoder: FileEncoder<O>;
  options: O;
  context: PluginContext;
  place: FilePlace;
}

export function openUse<O extends FileOptions>(
  encoder: FileEncoder<O>,
  options: O,
  context: PluginContext,
): FileUse<O> {
  return {
    encoder,
    options,
    context,
    place: openPlace(context.projectDir, options.path, encoder.combine && encoder.singleFile),
  };
}

/** What a reader must know of the files; those of one folder have the same. */
export function formatOf<O extends FileOptions>({ encoder, options }: FileUse<O>): Record<string, unknown> {
  return encoder.format?.(options) ?? { extension: extensionOf(encoder, options) };
}
