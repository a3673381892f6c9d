/** The staging store in a folder: one folder per run, shared by all workers of a machine or over a shared volume. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { makeFolders } from '../folders';
import { checksumFile, sameChecksum, type Checksum } from './checksum';
import { ignoreMissing, publishFile, writeDurably } from './durable-file';
import { explainFull, PLAN, stagingDamaged } from './parts';
import { seal, unseal } from './sealed';
import { createSharedFiles } from './shared-files';
import type { RunRef, RunStaging, StagedPart, StagingStore } from './store';

/** Of the file of a part, and of its receipt. */
const PART = '.parquet';
const RECEIPT = '.json';

/** @param stagingDir absolute */
export function createLocalStore(stagingDir: string): StagingStore {
  const pipelineDir = ({ project, pipeline }: RunRef): string =>
    join(stagingDir, safeName(project), safeName(pipeline));
  return {
    openRun(run) {
      const dir = join(pipelineDir(run), safeName(run.runKey));
      try {
        makeFolders(dir, 0o700);
      } catch (error) {
        // Becomes DISK_FULL, which a run waits for.
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw explainFull(error);
        throw new FlexetlError('PATH_UNWRITABLE', {
          message: `The staging folder cannot be created: ${messageOf(error)}.`,
          hint: 'Make it writable, or set FLEXETL_STAGING_DIR to a folder that is.',
          cause: error,
        });
      }
      return Promise.resolve(createRunStaging(dir));
    },
    async sweep(run, nowMs) {
      const root = pipelineDir(run);
      for (const name of await readdir(root).catch(() => [])) {
        if (name === safeName(run.runKey)) continue;
        const info = await stat(join(root, name)).catch(() => undefined);
        if (info && nowMs - info.mtimeMs > LIMITS.stagingKeepMs)
          await rm(join(root, name), { recursive: true, force: true });
      }
    },
  };
}

function createRunStaging(dir: string): RunStaging {
  const partsDir = join(dir, 'parts');
  const sharedDir = join(dir, 'shared');
  const scratchRoot = join(dir, 'scratch');
  const ownScratch = new Set<string>();
  /** All there is but the scratch of this attempt: that of attempts that were killed goes too. */
  const listAll = async (): Promise<string[]> => {
    const inFolder = async (folder: string): Promise<string[]> =>
      (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
    const paths = [...(await inFolder(dir)), ...(await inFolder(scratchRoot))];
    return paths.filter((path) => path !== scratchRoot && !ownScratch.has(path));
  };
  return {
    localDir: dir,
    async fetch<R extends object>(name: string) {
      return (await fetchPart<R>(partsDir, name))?.part;
    },
    async open<R extends object>(name: string) {
      const found = await fetchPart<R>(partsDir, name);
      if (found?.file) {
        const { path } = found.file;
        if (!sameChecksum(await checksumFile(path), found.file)) throw damaged(name, path);
      }
      return found?.part;
    },
    async commit(name, receipt, scratchFile) {
      const file = scratchFile === undefined ? null : await checksumFile(scratchFile);
      try {
        if (scratchFile !== undefined) await publishFile(scratchFile, join(partsDir, name + PART));
        await writeDurably(join(partsDir, name + RECEIPT), seal({ name, file, receipt } satisfies Sealed));
      } catch (error) {
        throw explainFull(error);
      }
    },
    async list(prefix) {
      // Only the folder that the prefix names: there may be thousands of parts in the others.
      const folder = prefix.includes('/') ? dirname(`${prefix}x`) : '';
      const names = await readdir(join(partsDir, folder), { recursive: true }).catch(() => []);
      return names
        .filter((name) => name.endsWith(RECEIPT))
        .map((name) => join(folder, name.slice(0, -RECEIPT.length)))
        .filter((name) => name.startsWith(prefix))
        .sort();
    },
    async remove(prefix) {
      if (prefix === '') {
        for (const path of await listAll()) await rm(path, { recursive: true, force: true });
        await removeEmpty(scratchRoot, dir, dirname(dir));
        return;
      }
      for (const name of await this.list(prefix)) {
        await rm(join(partsDir, name + RECEIPT), { force: true });
        await rm(join(partsDir, name + PART), { force: true });
      }
    },
    shared: createSharedFiles(sharedDir),
    async withScratch(work) {
      const scratchDir = join(scratchRoot, randomUUID());
      ownScratch.add(scratchDir);
      try {
        await mkdir(scratchDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
          throw explainFull(error);
        });
        return await work(scratchDir);
      } finally {
        await rm(scratchDir, { recursive: true, force: true });
        ownScratch.delete(scratchDir);
        await removeEmpty(scratchRoot, dir, dirname(dir));
      }
    },
  };
}

/** Removes those of the folders that are empty, in this order. */
async function removeEmpty(...folders: string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => undefined);
}

/** The content of a receipt's file. The name is in it, so that files that were swapped are noticed. */
interface Sealed {
  name: string;
  file: Checksum | null;
  receipt: object;
}

interface Fetched<R> {
  part: StagedPart<R>;
  /** The file of the part, and what it must be. */
  file: (Checksum & { path: string }) | null;
}

/** A part whose receipt is whole and whose file has the right length. @throws FlexetlError STAGING_DAMAGED */
async function fetchPart<R>(partsDir: string, name: string): Promise<Fetched<R> | undefined> {
  const receiptPath = join(partsDir, name + RECEIPT);
  const text = await readFile(receiptPath, 'utf8').catch(ignoreMissing);
  if (text === undefined) return undefined;
  const sealed = unseal(text) as Sealed | undefined;
  if (sealed?.name !== name) throw damaged(name, receiptPath);
  const receipt = sealed.receipt as R;
  if (!sealed.file) return { part: { receipt, path: null }, file: null };
  const path = join(partsDir, name + PART);
  const info = await stat(path).catch(ignoreMissing);
  if (info?.size !== sealed.file.bytes) throw damaged(name, path);
  return { part: { receipt, path }, file: { ...sealed.file, path } };
}

function damaged(name: string, path: string): FlexetlError {
  const message = `The staged part ${name} is damaged: ${path} is not what was written.`;
  // Without the plan nobody knows what the other parts are.
  return stagingDamaged(message, name === PLAN ? { next: 'it starts from the beginning' } : {});
}

/** A folder name from a run key or pipeline name: the readable part, and a hash where something was replaced. */
export function safeName(text: string): string {
  const readable = text.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^\.+/, '');
  if (readable === text && text !== '' && text.length <= 100) return text;
  return `${readable.slice(0, 60)}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}
