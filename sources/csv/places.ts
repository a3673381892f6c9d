/**
 * Physical line and record number at a chunk's start, counted once and kept: each careful read leaves a mark at
 * its end, so that a file with many bad chunks is counted through once, not once per chunk.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Tools } from '../../pipeline/plugin';
import { cutRecords, marksOf, type RecordCut } from './boundaries';
import { openSource } from './files';
import type { PlainFile } from './survey';

export interface Mark {
  offset: number;
  /** Physical line that starts at the offset, 1-based. */
  line: number;
  /** Records before the offset, the header not counted. */
  records: number;
}

const PIECE_BYTES = 4 * 1024 * 1024;

/** True when a cut is an empty line that is no record: in a file of one column it is an empty value. */
export function isBlank(cut: RecordCut, columnCount: number): boolean {
  return columnCount > 1 && cut.textEnd === cut.start && cut.flaw === null;
}

/**
 * The mark at `offset`, from the nearest one known.
 * @param origin the mark at the first record of the file
 */
export async function findMark(
  file: PlainFile,
  offset: number,
  origin: Mark,
  columnCount: number,
  dir: string,
  tools: Tools,
): Promise<Mark> {
  const known = await nearestMark(dir, offset, origin);
  if (known.offset === offset) return { ...known };
  const handle = await openSource(file.path, file.shown);
  try {
    const mark = { ...known, offset };
    const range = { handle, start: known.offset, end: offset, size: file.bytes };
    for await (const piece of cutRecords(range, marksOf(file.dialect), PIECE_BYTES)) {
      tools.signal.throwIfAborted();
      for (const cut of piece.cuts) {
        mark.line += cut.lines;
        if (!isBlank(cut, columnCount)) mark.records++;
      }
    }
    await keepMark(dir, mark);
    return mark;
  } finally {
    await handle.close();
  }
}

/** Idempotent: a mark says the same whoever writes it. */
export async function keepMark(dir: string, mark: Mark): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const scratch = join(dir, `${randomUUID()}.tmp`);
  await writeFile(scratch, JSON.stringify(mark));
  await rename(scratch, join(dir, `${mark.offset}.json`));
}

async function nearestMark(dir: string, offset: number, origin: Mark): Promise<Mark> {
  const names = await readdir(dir).catch(() => []);
  const offsets = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => Number.parseInt(name, 10))
    .filter((known) => known <= offset && known > origin.offset);
  if (offsets.length === 0) return origin;
  return JSON.parse(await readFile(join(dir, `${Math.max(...offsets)}.json`), 'utf8')) as Mark;
}
