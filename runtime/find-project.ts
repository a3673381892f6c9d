/** Where the project is, and the variables that it keeps in its `.env`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { CONFIG_DIR, isPipelineFile } from './config-file';
import { readSettings, type Settings } from './settings';

type Env = Settings['env'];

/** The settings of a project: versioned with its pipelines, so that every checkout is the same project. */
export const PROJECT_FILE = 'flexetl.yaml';

/**
 * The settings of the project that a command works on: the folder FLEXETL_PROJECT_DIR, or the nearest project from
 * `cwd` upwards, or `cwd` itself. Variables of the process come before those of the project's `.env`.
 * @throws FlexetlError CONFIG_INVALID for a `.env` that cannot be read
 */
export function openSettings(env: Env, cwd: string): Settings {
  const named = env['FLEXETL_PROJECT_DIR'];
  const dir = named ? resolve(cwd, named) : (findUpwards(cwd) ?? cwd);
  const { FLEXETL_PROJECT_DIR: _, ...variables } = readEnvFile(join(dir, '.env'));
  return readSettings({ ...variables, ...env }, named ? cwd : dir);
}

/** A folder with flexetl.yaml, or with pipeline files in configs/. */
export function isProject(dir: string): boolean {
  return existsSync(join(dir, PROJECT_FILE)) || namesOf(join(dir, CONFIG_DIR)).some(isPipelineFile);
}

function findUpwards(cwd: string): string | undefined {
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    if (isProject(dir)) return dir;
    if (dir === dirname(dir)) return undefined;
  }
}

function namesOf(dir: string): string[] {
  try {
    return readdirSync(dir, { recursive: true }) as string[];
  } catch {
    return [];
  }
}

/** Nothing for a file that is not there, or a folder of that name, as Python's virtual environments have it. */
function readEnvFile(path: string): Env {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return {};
    throw new FlexetlError('CONFIG_INVALID', {
      message: `${path} cannot be read: ${messageOf(error)}.`,
      hint: 'Make it readable. It holds variables of the project, as in NAME=value.',
      cause: error,
    });
  }
}
