/**
 * Files of the source that all attempts and workers of a run share, in a folder. Each has a receipt, written last, with
 * its length and checksum; what is not whole counts as not made.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SharedFiles } from '../../plugin/context';
import { makeFolders } from '../folders';
import { checksumFile, sameChecksum, type Checksum } from './checksum';
import { ignoreMissing, syncPath, writeOnce } from './durable-file';
import { explainFull } from './parts';
import { seal, unseal } from './sealed';

const RECEIPT = '.receipt';

/** The content of a receipt. The name is in it, so that receipts that were swapped are noticed. */
interface SharedReceipt extends Checksum {
  name: string;
  /** Name of the file in the folder: each attempt writes one of its own, and the first receipt decides. */
  file: string;
}

/** @param dir absolute; made with the first file */
export function createSharedFiles(dir: string): SharedFiles {
  const receiptPath = (name: string): string => join(dir, name + RECEIPT);
  /** @returns null for a receipt that is damaged */
  const readReceipt = async (name: string): Promise<SharedReceipt | null | undefined> => {
    const text = await readFile(receiptPath(name), 'utf8').catch(ignoreMissing);
    if (text === undefined) return undefined;
    const receipt = unseal(text) as SharedReceipt | undefined;
    return receipt?.name === name ? receipt : null;
  };
  const drop = async (name: string, receipt: SharedReceipt | null): Promise<void> => {
    await rm(receiptPath(name), { force: true });
    if (receipt) await rm(join(dir, receipt.file), { force: true });
  };
  const find: SharedFiles['find'] = async (name) => {
    const receipt = await readReceipt(name);
    if (receipt === undefined) return undefined;
    const path = join(dir, receipt?.file ?? '');
    const checksum = receipt && (await checksumOnce(path).catch(ignoreMissing));
    if (checksum && sameChecksum(checksum, receipt)) return path;
    await drop(name, receipt);
    return undefined;
  };
  const make: SharedFiles['make'] = async (name, write) => {
    const there = await find(name);
    if (there !== undefined) return there;
    const file = `${name}.${randomUUID()}`;
    const path = join(dir, file);
    let first = false;
    try {
      makeFolders(dirname(path), 0o700);
      await write(path);
      await syncPath(path);
      const receipt: SharedReceipt = { name, file, ...(await checksumOnce(path)) };
      first = await writeOnce(receiptPath(name), seal(receipt));
    } catch (error) {
      throw explainFull(error);
    } finally {
      if (!first) await rm(path, { force: true });
    }
    return first ? path : make(name, write);
  };
  return {
    find,
    make,
    async list(prefix) {
      const folder = dirname(`${prefix}x`);
      const names = await readdir(join(dir, folder)).catch(() => []);
      return names
        .filter((name) => name.endsWith(RECEIPT))
        .map((name) => join(folder, name.slice(0, -RECEIPT.length)))
        .filter((name) => name.startsWith(prefix))
        .sort();
    },
    async remove(name) {
      const receipt = await readReceipt(name);
      if (receipt !== undefined) await drop(name, receipt);
    },
  };
}

/** So many checksums are remembered. */
const COUNTED_MAX = 10_000;
/** Checksums of files as they were when this process counted them. */
const counted = new Map<string, Promise<Checksum>>();

/** The checksum of a file: counted once per process, as one plain copy is read for each of its partitions. */
async function checksumOnce(path: string): Promise<Checksum> {
  const { ino, size, mtimeMs, ctimeMs } = await stat(path);
  const key = JSON.stringify([path, ino, size, mtimeMs, ctimeMs]);
  const known = counted.get(key);
  if (known) return known;
  if (counted.size >= COUNTED_MAX) counted.clear();
  const checksum = checksumFile(path);
  counted.set(key, checksum);
  checksum.catch(() => counted.delete(key));
  return checksum;
}
