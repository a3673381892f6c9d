/**
 * Where the partitions of files are. Files of moderate size are one partition each; small ones that follow each other
 * are one partition together. Larger ones are cut one partition after the other.
 */
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { Landed, Partition, Partitions, PartitionSize, SourceRecord } from '../../plugin/source';

/** The plain text of a file. */
export interface FileText {
  /** Offset of the first record, and bytes in all. */
  start: number;
  bytes: number;
  /** Only files of one kind are read together. */
  kind: string;
}

/** Where a partition starts, and how large partitions should be. */
export type FilePosition = { file: number; offset: number; wholeBytesMax: number; cutBytes: number };

export function planPartitions(files: readonly FileText[], size: PartitionSize): Partitions {
  const smallest = smallestPartitionBytes(files);
  const wholeBytesMax = Math.max(size.wholeBytesMax, smallest);
  const cutBytes = Math.max(size.cutBytes, smallest);
  const filled = [...files.entries()].filter(([, { start, bytes }]) => start < bytes);
  const large = filled.some(([, { start, bytes }]) => bytes - start > wholeBytesMax);
  const [first] = filled;
  if (first && large) {
    const position: FilePosition = { file: first[0], offset: first[1].start, wholeBytesMax, cutBytes };
    return { first: position };
  }
  const known: Partition[] = [];
  let next = first?.[0];
  while (next !== undefined) {
    const partition = wholeFiles(files, known.length, next, { wholeBytesMax, cutBytes });
    known.push(partition);
    next = nextFilled(files, partition.lastFile ?? next);
  }
  return { known };
}

/**
 * The partition that starts at a position, and where the next one starts.
 * @param cut finds the end of a partition: after the first record that ends at or after `target`
 */
export async function landFiles(
  files: readonly FileText[],
  index: number,
  position: FilePosition,
  cut: (file: number, start: number, target: number) => Promise<number>,
): Promise<Landed> {
  const { file, offset: start, wholeBytesMax, cutBytes } = position;
  const text = files[file];
  if (!text) throw new FlexetlError('INTERNAL', { message: `The source has no file ${file}.` });
  const whole = start === text.start && text.bytes - start <= wholeBytesMax;
  const target = Math.min(start + cutBytes, text.bytes);
  const partition = whole
    ? wholeFiles(files, index, file, position)
    : { index, file, start, end: await cut(file, start, target) };
  if (!whole && partition.end < text.bytes)
    return { partition, next: { ...position, offset: partition.end } };
  const next = nextFilled(files, partition.lastFile ?? file);
  if (next === undefined) return { partition };
  return { partition, next: { ...position, file: next, offset: files[next]?.start ?? 0 } };
}

/** The byte ranges of a partition: one for each of its files that has records, in order. */
export function rangesOf(files: readonly FileText[], partition: Partition): Partition[] {
  const { index, file, lastFile } = partition;
  if (lastFile === undefined) return [partition];
  const ranges = files
    .slice(file, lastFile + 1)
    .map(({ start, bytes }, offset) => ({ index, file: file + offset, start, end: bytes }));
  return ranges.filter(({ start, end }) => start < end);
}

/** Records read so far, over the ranges of a partition. */
export interface RecordCounts {
  /** Of the last record, counted from 0; -1 before the first one. */
  ordinal: number;
  /** Those that were asked for. */
  asked: number;
}

/**
 * The records of a partition, range by range.
 * @param ordinals of the records that are asked for, ascending; undefined: all
 * @param readRange counts on from the ranges before it
 */
export async function* readRanges(
  files: readonly FileText[],
  partition: Partition,
  ordinals: readonly number[] | undefined,
  readRange: (range: Partition, counts: RecordCounts) => AsyncGenerator<SourceRecord>,
): AsyncGenerator<SourceRecord> {
  const counts: RecordCounts = { ordinal: -1, asked: 0 };
  for (const range of rangesOf(files, partition)) {
    if (ordinals && counts.asked >= ordinals.length) return;
    yield* readRange(range, counts);
  }
}

/** The partition that starts with a whole file: with those after it, while all are small and of one kind. */
function wholeFiles(
  files: readonly FileText[],
  index: number,
  file: number,
  { wholeBytesMax, cutBytes }: PartitionSize,
): Partition {
  const fileMax = Math.min(wholeBytesMax, LIMITS.joinedFileBytesMax);
  const kind = files[file]?.kind;
  let room = Math.min(cutBytes, LIMITS.joinedBytesMax);
  let last = file;
  for (let at: number | undefined = file; at !== undefined; at = nextFilled(files, at)) {
    const { start, bytes, kind: own } = files[at] as FileText;
    room -= bytes - start;
    const fits = bytes - start <= fileMax && room >= 0 && at - file < LIMITS.joinedFilesMax;
    if (!fits || own !== kind) break;
    last = at;
  }
  const range = { start: files[file]?.start ?? 0, end: files[last]?.bytes ?? 0 };
  return { index, file, ...(last > file && { lastFile: last }), ...range };
}

/** The next file that has records. */
function nextFilled(files: readonly FileText[], after: number): number | undefined {
  for (let at = after + 1; at < files.length; at += 1) {
    const file = files[at];
    if (file && file.start < file.bytes) return at;
  }
  return undefined;
}

/** Partitions at least this large stay within LIMITS.chunksMax. */
function smallestPartitionBytes(files: readonly FileText[]): number {
  const room = LIMITS.chunksMax - files.length;
  if (room < 0) {
    throw new FlexetlError('SOURCE_UNREADABLE', {
      message: `The source has ${files.length} files, the limit is ${LIMITS.chunksMax}.`,
      hint: 'Join small files, or run the pipeline on one folder at a time.',
    });
  }
  const total = files.reduce((sum, file) => sum + file.bytes - file.start, 0);
  return Math.ceil(total / Math.max(1, room));
}
