/**
 * Where the partitions of CSV files are. Files of moderate size are read in place, one partition each; small ones that
 * follow each other are one partition together, see `joined.ts`. Larger ones are
 * cut one partition after the other; each is copied to a slice in the pass that finds its end.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type {
  Landed,
  Partition,
  Partitions,
  PartitionSize,
  Position,
  SourceFile,
  SourceSurvey,
} from '../../plugin/source';
import { addressOf, withSameFile } from '../files/fingerprint';
import { runJob } from './jobs';
import type { CsvOptions } from './options';
import type { Slice, SliceJob } from './slice';
import { detailsIn, openPlain, type FileDetails, type PlainFile } from './survey';

/** Where a partition starts, and how large partitions should be. */
type CsvPosition = { file: number; offset: number; wholeBytesMax: number; cutBytes: number };

export function planPartitions(survey: SourceSurvey, size: PartitionSize): Partitions {
  const files = detailsIn(survey);
  const smallest = smallestPartitionBytes(files);
  const wholeBytesMax = Math.max(size.wholeBytesMax, smallest);
  const cutBytes = Math.max(size.cutBytes, smallest);
  const filled = [...files.entries()].filter(([, { start, bytes }]) => start < bytes);
  const large = filled.some(([, { start, bytes }]) => bytes - start > wholeBytesMax);
  const [first] = filled;
  if (first && large) {
    const position: CsvPosition = { file: first[0], offset: first[1].start, wholeBytesMax, cutBytes };
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

/** The partition that starts with a whole file: with those after it, while all are small and of one dialect. */
function wholeFiles(
  files: readonly FileDetails[],
  index: number,
  file: number,
  { wholeBytesMax, cutBytes }: PartitionSize,
): Partition {
  const fileMax = Math.min(wholeBytesMax, LIMITS.joinedFileBytesMax);
  const dialect = JSON.stringify(files[file]?.dialect);
  let room = Math.min(cutBytes, LIMITS.joinedBytesMax);
  let last = file;
  for (let at: number | undefined = file; at !== undefined; at = nextFilled(files, at)) {
    const { start, bytes, dialect: own } = files[at] as FileDetails;
    room -= bytes - start;
    const fits = bytes - start <= fileMax && room >= 0 && at - file < LIMITS.joinedFilesMax;
    if (!fits || JSON.stringify(own) !== dialect) break;
    last = at;
  }
  const range = { start: files[file]?.start ?? 0, end: files[last]?.bytes ?? 0 };
  return { index, file, ...(last > file && { lastFile: last }), ...range };
}

/** The next file that has records. */
function nextFilled(files: readonly FileDetails[], after: number): number | undefined {
  for (let at = after + 1; at < files.length; at += 1) {
    const file = files[at];
    if (file && file.start < file.bytes) return at;
  }
  return undefined;
}

/** Partitions at least this large stay within LIMITS.chunksMax. */
function smallestPartitionBytes(files: readonly FileDetails[]): number {
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

/** Cuts one partition; the same for every attempt. */
export async function landPartition(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  index: number,
  from: Position,
): Promise<Landed> {
  const position = from as CsvPosition;
  const { file, offset: start, wholeBytesMax, cutBytes } = position;
  const plain = await openPlain(options, context, survey, file);
  const whole = start === plain.start && plain.bytes - start <= wholeBytesMax;
  const target = Math.min(start + cutBytes, plain.bytes);
  const files = detailsIn(survey);
  const partition = whole
    ? wholeFiles(files, index, file, position)
    : {
        index,
        file,
        start,
        end: (await makeSlice(context, plain, survey.columns.length, start, target)).end,
      };
  if (!whole && partition.end < plain.bytes)
    return { partition, next: { ...position, offset: partition.end } };
  const next = nextFilled(files, partition.lastFile ?? file);
  if (next === undefined) return { partition };
  return { partition, next: { ...position, file: next, offset: files[next]?.start ?? 0 } };
}

/** The names of a slice and of its findings. */
const namesOf = (source: SourceFile, start: number): [string, string] => {
  const name = `slices/${addressOf(source)}-${start}`;
  return [`${name}.csv`, `${name}.json`];
};

/** The pass over a partition that ends with the first record that ends at or after `target`. */
export function sliceJob(file: PlainFile, columnCount: number, start: number, target: number): SliceJob {
  const { path, shown, dialect, surplus, bytes: size } = file;
  return { task: 'slice', path, shown, dialect, fieldsMax: columnCount + surplus, size, start, target };
}

/**
 * A slice, which is a line break and a copy of a partition's bytes, and what the pass over them has found. Made if it
 * does not exist.
 * @param target the slice ends with the first record that ends at or after this offset
 */
export async function makeSlice(
  { shared, signal }: PluginContext,
  file: PlainFile,
  columnCount: number,
  start: number,
  target: number,
): Promise<Slice & { path: string }> {
  const { source, absolute } = file;
  const job = sliceJob(file, columnCount, start, target);
  const [sliceName, foundName] = namesOf(source, start);
  let made: Slice | undefined;
  const slice = await shared.make(sliceName, async (copy) => {
    made = await withSameFile(absolute, source, () => runJob({ ...job, copy }, signal));
  });
  const found = await shared.make(foundName, async (scratch) =>
    writeFile(scratch, JSON.stringify(made ?? (await runJob(job, signal)))),
  );
  return { path: slice, ...(JSON.parse(await readFile(found, 'utf8')) as Slice) };
}

export async function releasePartition(
  { shared }: PluginContext,
  survey: SourceSurvey,
  { file, start }: Partition,
): Promise<void> {
  const source = survey.files[file];
  if (source) for (const name of namesOf(source, start)) await shared.remove(name);
}
