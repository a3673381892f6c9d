/**
 * The partitions of CSV files. Files of moderate size are read in place; several small ones together, see `joined.ts`.
 * A large one is cut into slices: each is copied in the pass that finds its end.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { PluginContext } from '../../plugin/context';
import type { Landed, Partition, Position, SourceFile, SourceSurvey } from '../../plugin/source';
import { addressOf, withSameFile } from '../files/fingerprint';
import { landFiles, type FilePosition, type FileText } from '../files/partitions';
import { runJob } from './jobs';
import type { CsvOptions } from './options';
import type { RepairJob } from './repair';
import type { Slice, SliceJob } from './slice';
import { detailsIn, openPlain, type PlainFile } from './survey';

/** Only files of one dialect and with the same columns are read together. */
export function textsOf(survey: SourceSurvey): FileText[] {
  return detailsIn(survey).map(({ start, bytes, dialect, columns }) => ({
    start,
    bytes,
    kind: JSON.stringify([dialect, columns]),
  }));
}

/** Cuts one partition; the same for every attempt. */
export function landPartition(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  index: number,
  from: Position,
): Promise<Landed> {
  return landFiles(textsOf(survey), index, from as FilePosition, async (file, start, target) => {
    const plain = await openPlain(options, context, survey, file);
    return (await makeSlice(context, plain, start, target)).end;
  });
}

/** The names of a slice and of its findings. */
const namesOf = (source: SourceFile, start: number): [string, string] => {
  const name = `slices/${addressOf(source)}-${start}`;
  return [`${name}.csv`, `${name}.json`];
};

/** The pass over a partition that ends with the first record that ends at or after `target`. */
export function sliceJob(file: PlainFile, start: number, target: number): SliceJob {
  const { path, shown, dialect, surplus, bytes: size } = file;
  const fieldsMax = file.columns.length + surplus;
  return { task: 'slice', path, shown, dialect, fieldsMax, size, start, target };
}

/** The pass of the careful lane over records [start, end) of a file. @param copy path of the good records */
export function repairJob(
  { null_padding, truncate_ragged_lines }: CsvOptions,
  { path, shown, dialect, columns, surplus, bytes: size }: PlainFile,
  { start, end }: { start: number; end: number },
  copy: string,
): RepairJob {
  const ragged = { null_padding, truncate_ragged_lines };
  const columnCount = columns.length;
  return { task: 'repair', path, shown, dialect, columnCount, surplus, ragged, size, start, end, copy };
}

/**
 * A slice, which is a line break and a copy of a partition's bytes, and what the pass over them has found. Made if it
 * does not exist.
 * @param target the slice ends with the first record that ends at or after this offset
 */
export async function makeSlice(
  { shared, signal }: PluginContext,
  file: PlainFile,
  start: number,
  target: number,
): Promise<Slice & { path: string }> {
  const { source, absolute } = file;
  const job = sliceJob(file, start, target);
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
