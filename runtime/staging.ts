/**
 * The staging store: one folder per run. The address of everything in it is derived from (run, step, index),
 * so nothing but small results ever travels through Temporal.
 *
 * A file appears under its name whole or not at all: it is written beside it and renamed. A late attempt
 * therefore replaces a part by one of the same rows, and a killed one leaves only scratch.
 */
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, open, readFile, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { formatType, type Schema } from '../pipeline/types';
import { makeFolders } from './folders';

export interface RunRef {
  pipeline: string;
  runKey: string;
}

export interface Staging {
  /** Absolute folder of the run. */
  dir: string;
  extractPart(chunk: number, schema: Schema): string;
  /** In the place of an extract part: the partial groups of its rows, see `pipeline/transforms/partial-groups.ts`. */
  groupsPart(chunk: number, schema: Schema): string;
  /** Whether a part has been committed. */
  has(file: string): Promise<boolean>;
  outputPart(part: number): string;
  /** An absolute scratch folder of this attempt; gone after `work`. */
  withScratch<T>(work: (scratchDir: string) => Promise<T>): Promise<T>;
  /** Publishes a finished scratch file under its final name, durably. */
  commit(scratchFile: string, finalFile: string): Promise<void>;
  writeJson(name: string, value: unknown): Promise<void>;
  /** @throws FlexetlError STAGING_MISSING */
  readJson<T>(name: string): Promise<T>;
  findJson<T>(name: string): Promise<T | undefined>;
  remove(): Promise<void>;
}

/** @throws FlexetlError PATH_UNWRITABLE */
export async function openStaging(stagingDir: string, run: RunRef): Promise<Staging> {
  const dir = join(stagingDir, safeName(run.pipeline), safeName(run.runKey));
  try {
    makeFolders(join(dir, 'extract'), 0o700);
    makeFolders(join(dir, 'output'), 0o700);
  } catch (error) {
    throw new FlexetlError('PATH_UNWRITABLE', {
      message: `The staging folder cannot be created: ${messageOf(error)}.`,
      hint: 'Make it writable, or set FLEXETL_STAGING_DIR to a folder that is.',
      cause: error,
    });
  }
  return createStaging(dir);
}

function createStaging(dir: string): Staging {
  const readJsonIfThere = async <T>(name: string): Promise<T | undefined> => {
    try {
      return JSON.parse(await readFile(join(dir, name), 'utf8')) as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    dir,
    // The types are part of the name: a late attempt with older types cannot replace a part with newer ones.
    extractPart: (chunk, schema) =>
      join(dir, 'extract', `part-${pad(chunk)}-${schemaDigest(schema)}.parquet`),
    groupsPart: (chunk, schema) =>
      join(dir, 'extract', `groups-${pad(chunk)}-${schemaDigest(schema)}.parquet`),
    has: (file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    outputPart: (part) => join(dir, 'output', `part-${pad(part)}.parquet`),
    async withScratch(work) {
      const scratchDir = join(dir, 'scratch', randomUUID());
      await mkdir(scratchDir, { recursive: true, mode: 0o700 });
      try {
        return await work(scratchDir);
      } finally {
        await rm(scratchDir, { recursive: true, force: true });
      }
    },
    async commit(scratchFile, finalFile) {
      await syncPath(scratchFile);
      await rename(scratchFile, finalFile);
      await syncPath(join(finalFile, '..'));
    },
    async writeJson(name, value) {
      const scratchFile = join(dir, `${name}.${randomUUID()}.tmp`);
      await writeFile(scratchFile, JSON.stringify(value));
      await rename(scratchFile, join(dir, name));
    },
    async readJson<T>(name: string) {
      const value = await readJsonIfThere<T>(name);
      if (value !== undefined) return value;
      throw new FlexetlError('STAGING_MISSING', {
        message: `The staged file ${join(dir, name)} is not there.`,
        hint: 'All workers of a task queue need the same FLEXETL_STAGING_DIR, on a shared volume.',
      });
    },
    findJson: readJsonIfThere,
    async remove() {
      await rm(dir, { recursive: true, force: true });
      // The pipeline's folder goes with its last run; with another one in it, it stays.
      await rmdir(dirname(dir)).catch(() => undefined);
    },
  };
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function pad(index: number): string {
  return String(index).padStart(5, '0');
}

/** Eight hex digits of the names and types. */
export function schemaDigest(schema: Schema): string {
  const text = JSON.stringify(schema.map((column) => [column.name, formatType(column.type)]));
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** A folder name from a run key or pipeline name: the readable part, and a hash where something was replaced. */
export function safeName(text: string): string {
  const readable = text.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^\.+/, '');
  if (readable === text && text !== '' && text.length <= 100) return text;
  return `${readable.slice(0, 60)}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** Removes the staging of runs of this pipeline that nobody has touched for `LIMITS.stagingKeepMs`. */
export async function sweepStaging(stagingDir: string, run: RunRef, nowMs: number): Promise<void> {
  const root = join(stagingDir, safeName(run.pipeline));
  const names = await readdir(root).catch(() => []);
  for (const name of names) {
    if (name === safeName(run.runKey)) continue;
    const info = await stat(join(root, name)).catch(() => undefined);
    if (info && nowMs - info.mtimeMs > LIMITS.stagingKeepMs)
      await rm(join(root, name), { recursive: true, force: true });
  }
}
