/** What a project is to others: its name, its task queue, and the staging store of this checkout. */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FlexetlError } from '../pipeline/errors';
import { makeId, readId } from './id-file';
import { readProjectName } from './project-name';
import type { Settings } from './settings';

/** Whose run it is: a worker works only for runs of its own project whose staging store it shares. */
export interface Ownership {
  project: string;
  /** Id of the staging store. */
  staging: string;
}

export interface Project {
  name: string;
  taskQueue: string;
  /** Undefined in a process that does not see the staging store, and need not. */
  staging: string | undefined;
}

export interface ProjectUse {
  /** This process has a worker, so it needs the staging store. */
  works: boolean;
  /** The server is the project's own: its runs are in the same folder as the staging store. */
  ownServer: boolean;
}

/** @throws FlexetlError INTERNAL in a process that does not see the staging store */
export function ownerOf({ name, staging }: Project): Ownership {
  if (staging !== undefined) return { project: name, staging };
  throw new FlexetlError('INTERNAL', { message: 'A worker was started without its staging store.' });
}

/** @throws FlexetlError CONFIG_INVALID, PATH_UNWRITABLE */
export async function openProject(settings: Settings, use: ProjectUse): Promise<Project> {
  const name = await readProjectName(settings);
  return {
    name,
    taskQueue: settings.env['FLEXETL_TASK_QUEUE'] || `flexetl-${name}`,
    staging: await openStagingId(settings, use),
  };
}

/**
 * The id of the staging store is a file in it. A folder that was named (FLEXETL_STAGING_DIR) is made by workers, since
 * a starter may not see it. The folder inside the project goes with a copy of the project, so on another server its
 * inode tells the copy from the original.
 */
async function openStagingId(
  { env, stagingDir }: Settings,
  { works, ownServer }: ProjectUse,
): Promise<string | undefined> {
  const file = join(stagingDir, 'id');
  const isShared = Boolean(env['FLEXETL_STAGING_DIR']);
  if (isShared && !works) return readId(file);
  const host = hostname().replace(/[^A-Za-z0-9-]+/g, '-');
  const made = `${host.replace(/^-+/, '').slice(0, 40) || 'host'}-${randomBytes(4).toString('hex')}`;
  const hint = 'Make it writable, or set FLEXETL_STAGING_DIR to a folder that is.';
  const id = await makeId(file, made, hint);
  return isShared || ownServer ? id : `${id}-${(await stat(stagingDir, { bigint: true })).ino}`;
}
