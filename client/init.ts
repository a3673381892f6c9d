/** `flexetl init`: a project of one's own in a folder, or a pipeline file for a data file. */
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { many } from '../pipeline/markdown';
import { listPipelines } from '../runtime/config-file';
import { openSettings } from '../runtime/find-project';
import { nameOfFolder } from '../runtime/project-name';
import { EXIT, type CommandContext } from './context';
import { initPipeline, targetFor, writePipeline, type InitPipelineOptions } from './init-pipeline';
import { printJson, printLine, printNote } from './print';
import { projectFiles, sampleFiles } from './project-files';

export interface InitOptions extends InitPipelineOptions {
  /** A data file for the first pipeline of a project. */
  from?: string;
}

/** @param version of FlexETL, which the project then uses */
export async function initCommand(
  context: CommandContext,
  what: string,
  options: InitOptions,
  version: string,
): Promise<number> {
  if (!(await isDataFile(resolve(context.cwd, what), context.cwd)))
    return initProject(context, what, options, version);
  if (options.from === undefined) return initPipeline(context, what, options);
  throw new FlexetlError('USAGE', {
    message: `--from is for a new project, and ${what} is a data file.`,
    hint: `Name the folder of the project, as in \`flexetl init shop --from ${what}\`.`,
  });
}

const DATA_FILE = /\.(csv|tsv|txt|json|jsonl|ndjson)(\.gz)?$/i;

/** Also for a folder of data files, which is no place for a project. */
async function isDataFile(path: string, cwd: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return found !== undefined || DATA_FILE.test(path);
  const names = path === cwd ? [] : await readdir(path);
  return names.some((name) => DATA_FILE.test(name) && !/^(package|package-lock|tsconfig)\.json$/.test(name));
}

async function initProject(
  context: CommandContext,
  folder: string,
  options: InitOptions,
  version: string,
): Promise<number> {
  const dir = resolve(context.cwd, folder);
  const from = options.from === undefined ? undefined : resolve(context.cwd, options.from);
  const first = (await listPipelines(dir))[0];
  if (from !== undefined) await assertReadable(from, options.from ?? '');
  const files = {
    ...projectFiles(nameOfFolder(dir), version),
    ...(from === undefined && first === undefined && sampleFiles(targetFor(options.to, 'orders'))),
  };
  const written: string[] = [];
  const kept: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    const isNew = await writeIfNew(join(dir, path), path, text);
    (isNew ? written : kept).push(path);
  }
  const pipeline = from === undefined ? (first ?? 'orders') : await addPipeline(context, dir, from, options);
  if (from !== undefined) written.push(`configs/${pipeline}.yaml`);
  say(context, { folder, written, kept, pipeline });
  return EXIT.done;
}

/** The pipeline of a data file, which is copied into the project unless it is there, or is large. */
async function addPipeline(
  context: CommandContext,
  dir: string,
  from: string,
  options: InitOptions,
): Promise<string> {
  const isInside = !relative(dir, from).startsWith('..');
  const isLarge = (await stat(from)).size > LIMITS.initCopyBytesMax;
  const file = isInside || isLarge ? from : join(dir, 'data', basename(from));
  if (file !== from) await copyNew(from, file);
  const settings = openSettings({ ...context.settings.env, FLEXETL_PROJECT_DIR: dir }, dir);
  const inProject = { ...context, settings, cwd: dir };
  const shown = isInside || !isLarge ? relative(dir, file).split(sep).join('/') : file;
  const { name, warnings } = await writePipeline(inProject, shown, options);
  for (const warning of warnings) printNote(context, `warning: ${warning}`);
  return name;
}

async function assertReadable(path: string, shown: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return;
  throw new FlexetlError(found ? 'USAGE' : 'SOURCE_MISSING', {
    message: found ? `${shown} is a folder, expected a data file.` : `There is no file ${shown}.`,
    hint: 'Name a CSV or JSON file with --from, or leave it out for a sample.',
  });
}

async function copyNew(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to, constants.COPYFILE_EXCL).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') {
      throw new FlexetlError('USAGE', {
        message: `${to} is there already, and init overwrites nothing.`,
        hint: `Go to the folder of the project, and name that file: flexetl init data/${basename(to)}.`,
      });
    }
    throw unwritable(to, error);
  });
}

/** @returns false for a file that is there already */
async function writeIfNew(path: string, shown: string, text: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await isFile(path))) return false;
    throw unwritable(shown, error);
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function unwritable(path: string, cause: unknown): FlexetlError {
  return new FlexetlError('PATH_UNWRITABLE', {
    message: `${path} cannot be written: ${messageOf(cause)}.`,
    hint: 'Name a folder that can be written.',
    cause,
  });
}

interface Outcome {
  folder: string;
  written: readonly string[];
  /** Were there already. */
  kept: readonly string[];
  pipeline: string;
}

function say(context: CommandContext, { folder, written, kept, pipeline }: Outcome): void {
  const next = [...(folder === '.' ? [] : [`cd ${folder}`]), 'npm install', `npx flexetl run ${pipeline}`];
  if (context.json) return printJson(context, { project: folder, written, kept, pipeline, next });
  printLine(
    context,
    written.length > 0
      ? `✔ ${folder}: ${many(written.length, 'file')} written: ${written.join(', ')}`
      : `✔ ${folder} is a project already: nothing is written`,
  );
  if (kept.length > 0) printLine(context, `  there before, and not changed: ${kept.join(', ')}`);
  printLine(context, `  next     ${next.join(' && ')}`);
}
