/** Partitions of several small files: each file is judged and repaired alone, and DuckDB reads their texts as one file. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginContext } from '../../plugin/context';
import type { Partition, SourceSurvey } from '../../plugin/source';
import { rangesOf } from '../files/partitions';
import { CARRIAGE_RETURN, type Dialect } from './boundaries';
import { runJob } from './jobs';
import type { CsvOptions } from './options';
import { repairJob, sliceJob, textsOf } from './partitions';
import { repairedDialect } from './repair';
import type { FileDetails } from './look';
import { detailsIn, openPlain } from './survey';

/** A file that starts with a line break, as a slice does. */
interface Joined {
  path: string;
  dialect: Dialect;
}

/** The texts of the files as they are. */
export async function joinFiles(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<Joined & { trusted: boolean }> {
  const joined = await createJoined(context, partition, dialectOf(survey, partition));
  let trusted = true;
  try {
    for (const { file: at, start, end } of rangesOf(textsOf(survey), partition)) {
      context.signal.throwIfAborted();
      const file = await openPlain(options, context, survey, at);
      const job = { ...sliceJob(file, start, end), joined: true };
      const found = await runJob(job, context.signal);
      const isClean = await joined.add(file.path, start, end);
      trusted &&= found.trusted && isClean;
    }
  } finally {
    await joined.close();
  }
  return { path: joined.path, dialect: joined.dialect, trusted };
}

/** The texts of the files without their broken records, whose ordinals are counted over all files. */
export async function repairFiles(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<Joined & { broken: number[]; lineBytes: number }> {
  const joined = await createJoined(context, partition, repairedDialect(dialectOf(survey, partition)));
  const copy = join(context.scratchDir, `repaired-${partition.index}.csv`);
  const broken: number[] = [];
  let records = 0;
  let lineBytes = 0;
  try {
    for (const { file: at, start, end } of rangesOf(textsOf(survey), partition)) {
      context.signal.throwIfAborted();
      const file = await openPlain(options, context, survey, at);
      const found = await runJob(repairJob(options, file, { start, end }, copy), context.signal);
      for (const ordinal of found.broken) broken.push(records + ordinal);
      records += found.records;
      lineBytes = Math.max(lineBytes, found.lineBytes);
      await joined.add(copy, joined.dialect.newline.length);
    }
  } finally {
    await joined.close();
  }
  return { path: joined.path, dialect: joined.dialect, broken, lineBytes };
}

/** The files of a partition have one dialect. */
function dialectOf(survey: SourceSurvey, { file }: Partition): Dialect {
  return (detailsIn(survey)[file] as FileDetails).dialect;
}

/** Opens a scratch file for texts that follow each other: each ends with a line break. */
async function createJoined({ scratchDir }: PluginContext, { index }: Partition, dialect: Dialect) {
  const path = join(scratchDir, `joined-${index}.csv`);
  const { newline } = dialect;
  const handle = await open(path, 'w', 0o600);
  await handle.writeFile(newline);
  return {
    path,
    dialect,
    /** @returns false if the text ends with half a line break, which it does not mean as one */
    async add(file: string, start: number, end?: number): Promise<boolean> {
      const text = (await readFile(file)).subarray(start, end);
      await handle.writeFile(text);
      const last = text.at(-1);
      if (last === undefined || last === newline.charCodeAt(newline.length - 1)) return true;
      await handle.writeFile(newline);
      return last !== CARRIAGE_RETURN;
    },
    close: () => handle.close(),
  };
}
