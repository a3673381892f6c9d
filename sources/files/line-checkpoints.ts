/**
 * Physical line and record number at an offset, counted once and kept among the shared files, so that the lines of a
 * file with many rejects are counted once, not once per partition.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { SharedFiles } from '../../plugin/context';

export interface LineCheckpoint {
  offset: number;
  /** Physical line that starts at the offset, 1-based. */
  line: number;
  /** Records before the offset, the header not counted. */
  records: number;
}

/** Digits of an offset in a name, so that names sort like their offsets. */
const OFFSET_DIGITS = 15;

/**
 * The last checkpoint at or before `offset`.
 * @param prefix of the names of a file's checkpoints: `lines/0-`
 * @param origin the checkpoint at the first record of the file
 */
export async function nearestCheckpoint(
  shared: SharedFiles,
  prefix: string,
  offset: number,
  origin: LineCheckpoint,
): Promise<LineCheckpoint> {
  const wanted = nameOf(prefix, offset);
  const name = (await shared.list(prefix)).filter((known) => known <= wanted).at(-1);
  const path = name === undefined ? undefined : await shared.find(name);
  return path === undefined ? { ...origin } : (JSON.parse(await readFile(path, 'utf8')) as LineCheckpoint);
}

/** Idempotent: a checkpoint is the same, whichever attempt writes it. */
export async function keepCheckpoint(
  shared: SharedFiles,
  prefix: string,
  checkpoint: LineCheckpoint,
): Promise<void> {
  await shared.make(nameOf(prefix, checkpoint.offset), (path) => writeFile(path, JSON.stringify(checkpoint)));
}

function nameOf(prefix: string, offset: number): string {
  return `${prefix}${String(offset).padStart(OFFSET_DIGITS, '0')}.json`;
}
