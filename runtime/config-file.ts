/** Pipeline files on disk: `configs/<name>.yaml`, or any file by its path. */
import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { DefaultsFile } from '../pipeline/config/layers';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { PIPELINE_NAME } from '../pipeline/pipeline-name';
import { suggest } from '../pipeline/suggest';

export type PipelineAddress =
  /** A pipeline of the project: `configs/<name>.yaml`, or `.yml`. */
  | { name: string }
  /** Any file; relative to the project. */
  | { path: string };

/** A pipeline file as it was written. */
export interface PipelineFile {
  text: string;
  /** As messages show it: `configs/sales.yaml`. */
  file: string;
  /** The name that the user gave; another `pipeline.name` is an error. */
  expectedName?: string;
  /** configs/defaults.yaml, if the project has it. */
  defaults?: DefaultsFile;
}

/**
 * @param projectDir absolute
 * @throws FlexetlError CONFIG_INVALID
 */
export async function readPipelineFile(address: PipelineAddress, projectDir: string): Promise<PipelineFile> {
  const path =
    'name' in address ? await findByName(address.name, projectDir) : resolve(projectDir, address.path);
  const file = shownPath(path, projectDir);
  const text = await readConfigText(path, file);
  const defaults = await readDefaults(projectDir);
  return {
    text,
    file,
    ...(defaults && { defaults }),
    ...('name' in address && { expectedName: address.name }),
  };
}

async function readDefaults(projectDir: string): Promise<DefaultsFile | undefined> {
  const path = join(projectDir, CONFIG_DIR, DEFAULTS);
  if (!existsSync(path)) return undefined;
  const file = shownPath(path, projectDir);
  return { text: await readConfigText(path, file), file };
}

/** The names of all pipelines in `configs/`, sorted; those of its folders have their path: `finance/ledger`. */
export async function listPipelines(projectDir: string): Promise<string[]> {
  return [...new Set((await listFiles(projectDir)).map(nameOf))].sort();
}

/**
 * How a pipeline is named in an argument: by its name, or by its file, as in `configs/sales.yaml`.
 * @param cwd absolute; paths are relative to it
 */
export function addressOf(argument: string, projectDir: string, cwd: string): PipelineAddress {
  if (!EXTENSION.test(argument)) return { name: argument };
  const path = resolve(cwd, argument);
  const inside = relative(join(projectDir, CONFIG_DIR), path).replaceAll(sep, '/');
  return isPipelineFile(inside) ? { name: nameOf(inside) } : { path };
}

/** @param path relative to `configs/`; defaults.yaml is not one; hidden files and folders, as Kubernetes mounts them, are not pipelines */
export function isPipelineFile(path: string): boolean {
  return (
    EXTENSION.test(path) &&
    !TESTS.test(path) &&
    path !== DEFAULTS &&
    !isAbsolute(path) &&
    !path.split(/[\\/]/).some((part) => part.startsWith('.'))
  );
}

/** Paths of the pipeline files in `configs/`, with `.yaml` before `.yml`. */
async function listFiles(projectDir: string): Promise<string[]> {
  const files = await readdir(join(projectDir, CONFIG_DIR), { recursive: true }).catch(() => []);
  return files
    .filter(isPipelineFile)
    .map((file) => file.replaceAll(sep, '/'))
    .sort();
}

function nameOf(file: string): string {
  return file.replace(EXTENSION, '');
}

export const CONFIG_DIR = 'configs';
const EXTENSION = /\.ya?ml$/;
/** What all pipelines of the project have in common. */
const DEFAULTS = 'defaults.yaml';
/** The tests of a pipeline, beside its file. */
const TESTS = /\.test\.ya?ml$/;

/** Of the tests of a pipeline, relative to the project. @param pipeline by name, or the absolute path of its file */
export function fixturePath(pipeline: string): string {
  const stem = EXTENSION.test(pipeline) ? nameOf(pipeline) : join(CONFIG_DIR, pipeline);
  return `${stem}.test.yaml`;
}

async function findByName(name: string, projectDir: string): Promise<string> {
  const [file, other] = (await listFiles(projectDir)).filter((one) => nameOf(one) === name);
  // The pattern keeps a name inside configs/.
  if (!PIPELINE_NAME.test(name) || file === undefined)
    throw notFound(name, await listPipelines(projectDir), projectDir);
  if (other !== undefined) {
    throw new FlexetlError('CONFIG_INVALID', {
      message: `There are two files for the pipeline "${name}": configs/${name}.yaml and configs/${name}.yml.`,
      hint: 'Remove one of them, or name one with --config.',
    });
  }
  return join(projectDir, CONFIG_DIR, file);
}

function notFound(name: string, names: readonly string[], projectDir: string): FlexetlError {
  const near = suggest(name, names) ?? names.find((one) => one.endsWith(`/${name}`));
  const listed = names.length ? `its pipelines are ${names.join(', ')}` : 'configs/ has no pipelines yet';
  return new FlexetlError('CONFIG_INVALID', {
    message: `There is no pipeline "${name}" in configs/; ${listed}.`,
    hint: near
      ? `Did you mean "${near}"?`
      : names.length > 0
        ? `Write configs/${name}.yaml.`
        : noProject(projectDir),
  });
}

/** What to do where there are no pipelines. */
export function noProject(projectDir: string): string {
  return `${projectDir} is no project, and none is above it: write configs/<name>.yaml, make a project with \`flexetl init <folder>\`, go to the folder of one, or name it in FLEXETL_PROJECT_DIR.`;
}

/** Reads a file after a check of its size. */
async function readConfigText(path: string, file: string): Promise<string> {
  const problem = (message: string, hint: string, cause?: unknown): FlexetlError =>
    new FlexetlError('CONFIG_INVALID', { message: `${file}: ${message}`, hint, cause });
  const found = await stat(path).catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw problem(missing ? 'the file does not exist.' : messageOf(error), 'Check the path.', error);
  });
  if (!found.isFile()) throw problem('is not a file.', 'Name one pipeline file.');
  if (found.size > LIMITS.configBytesMax) {
    throw problem(
      `has ${found.size} bytes, expected at most ${LIMITS.configBytesMax}.`,
      'A pipeline file holds settings, not data.',
    );
  }
  const bytes = await readFile(path).catch((error: unknown) => {
    throw problem(messageOf(error), 'Make the file readable.', error);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw problem('is not UTF-8 text.', 'Save it as UTF-8.', error);
  }
}

function shownPath(path: string, projectDir: string): string {
  const inside = relative(projectDir, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}
