/** Settings from the environment, read in this one place and passed to everything else. */
import { isAbsolute, join, resolve } from 'node:path';

export interface Settings {
  /** Relative paths in pipeline files are relative to this folder; it holds configs/, output/ and .flexetl/. */
  projectDir: string;
  /** Server state of the project: .flexetl. */
  stateDir: string;
  /** Root of all staged parts; shared by all workers of a fleet. */
  stagingDir: string;
  /** All variables, for those that are read where they are used: of Temporal, secrets, `${VAR}`. */
  env: Readonly<Record<string, string | undefined>>;
}

/** @param env usually process.env; @param cwd the project folder unless FLEXETL_PROJECT_DIR is set */
export function readSettings(env: Readonly<Record<string, string | undefined>>, cwd: string): Settings {
  const projectDir = resolve(cwd, env['FLEXETL_PROJECT_DIR'] || '.');
  const stateDir = join(projectDir, '.flexetl');
  return {
    projectDir,
    stateDir,
    stagingDir: resolve(projectDir, env['FLEXETL_STAGING_DIR'] || join(stateDir, 'staging')),
    env,
  };
}

/** The absolute path of a path that a user wrote. */
export function projectPath(projectDir: string, path: string): string {
  return isAbsolute(path) ? path : join(projectDir, path);
}
