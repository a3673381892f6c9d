/**
 * A partition as a DuckDB relation. One pass over its bytes checks every record and writes its values as rows of
 * texts, in several threads where lines allow it; DuckDB then reads these rows. It never sees the JSON: it changes
 * fractional numbers that it reads as JSON (`0.10`), and passes over what JSON does not allow (`NaN`, `[1,]`, a key that
 * comes twice).
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';
import type { Partition, RepairedRelation, SourceSurvey, TextRelation } from '../../plugin/source';
import { rangesOf } from '../files/partitions';
import { brokenDocument } from './failure';
import type { JsonOptions } from './options';
import { endOfLine, stateAt } from './partitions';
import { runPass, type PassRange, type PassResult, type RowsPass } from './pass';
import { checkpointAt } from './places';
import { shown } from './problems';
import { rowsSql } from './rows';
import { openPlain, textsOf, type PlainFile } from './plain-file';
import { findTree } from './tree';

/** Less than this for each thread costs more than it saves. */
const THREAD_BYTES_MIN = 16 * 1024 * 1024;
const THREADS_MAX = 8;

/** @throws FlexetlError SOURCE_UNREADABLE, SCHEMA_MISMATCH for a key that is no column */
export async function jsonRelation(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<TextRelation> {
  const { broken, textColumns, ...relation } = await readRows(options, context, survey, partition);
  return { ...relation, trusted: Promise.resolve(broken.length === 0), textColumns };
}

/** The rows are those of the good records already. */
export async function repairPartition(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<RepairedRelation> {
  const { sql, reads, broken } = await readRows(options, context, survey, partition);
  return { sql, reads, broken };
}

interface Rows extends RepairedRelation {
  broken: number[];
  textColumns: string[];
}

async function readRows(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
): Promise<Rows> {
  const { columns } = survey;
  const files: PlainFile[] = [];
  const ranges: PassRange[] = [];
  for (const { file, start, end } of rangesOf(textsOf(options, survey), partition)) {
    const plain = await openPlain(options, context, survey, file);
    const state = await stateAt(options, context, plain, start);
    files.push(plain);
    ranges.push({ path: plain.path, start, end, size: plain.bytes, ...(state && { state }) });
  }
  const [first] = files;
  const tree = first && (await findTree(options, first));
  const rules = {
    columns,
    flatten: options.flatten,
    nullValues: options.null_values,
    ignoreOthers: options.columns !== undefined,
  };
  const shares = first && !tree && ranges[0] && !ranges[1] ? await shareOut(first, ranges[0]) : [ranges];
  const passes = shares.map((share, index): RowsPass => {
    const rows = join(context.scratchDir, `rows-${partition.index}-${index}.txt`);
    return { ranges: share, ...(tree && { tree }), rules, rows };
  });
  const results = await Promise.all(passes.map((pass) => runPass(pass, context.signal)));
  await assertRead(options, context, files, shares, results);
  let before = 0;
  const broken = results.flatMap((result) => {
    const first = before;
    before += result.records;
    return result.broken.map((ordinal) => first + ordinal);
  });
  const reads = passes.map(({ rows = '' }) => rows);
  const lineBytes = Math.max(...results.map((result) => result.lineBytes));
  const textColumns = [...new Set(results.flatMap((result) => result.textColumns))];
  return { sql: rowsSql(reads, columns, lineBytes), reads, broken, textColumns };
}

/** A range of lines in parts of about the same size, one for each thread. */
async function shareOut(file: PlainFile, range: PassRange): Promise<PassRange[][]> {
  const bytes = range.end - range.start;
  const count = Math.min(
    availableParallelism(),
    THREADS_MAX,
    Math.max(1, Math.floor(bytes / THREAD_BYTES_MIN)),
  );
  const shares: PassRange[][] = [];
  let { start } = range;
  for (let index = 1; index <= count && start < range.end; index++) {
    const target = range.start + Math.ceil((bytes * index) / count);
    const end = target >= range.end ? range.end : Math.min(range.end, await endOfLine(file, target));
    if (end <= start) continue;
    shares.push([{ ...range, start, end }]);
    start = end;
  }
  return shares;
}

/** @throws FlexetlError for the first problem that is not of one record only */
async function assertRead(
  options: JsonOptions,
  context: PluginContext,
  files: readonly PlainFile[],
  shares: readonly (readonly PassRange[])[],
  results: readonly PassResult[],
): Promise<void> {
  const index = results.findIndex(({ problem }) => problem !== undefined);
  const problem = results[index]?.problem;
  const range = shares[index]?.[problem?.range ?? 0];
  const file = files.find(({ path }) => path === range?.path);
  if (!problem || !range || !file) return;
  const { records: before } = await checkpointAt(options, context, file, range.start);
  if (problem.unseen === undefined) throw await brokenDocument(file, problem, before + problem.records);
  const { line, records } = await checkpointAt(options, context, file, problem.at);
  const { reason, unseen } = problem;
  throw new FlexetlError('SCHEMA_MISMATCH', {
    message: `${file.shown}, line ${line}, record ${records + 1} has the key ${shown(unseen)}, which no record in the first ${LIMITS.jsonSurveyBytesMax / 1024 / 1024} MiB of the source has.`,
    hint: `List all keys that are wanted under columns of the source, with ${shown(unseen)} or without it.`,
    places: [{ file: file.shown, line, record: records + 1, column: null, value: null, reason }],
  });
}
