/** Records of a partition with their places, the broken ones with their reason: all of them, or those of some ordinals. */
import { LIMITS } from '../../pipeline/limits';
import { shortenRaw } from '../../pipeline/raw-text';
import type { PluginContext } from '../../plugin/context';
import type { Partition, SourceRecord, SourceSurvey } from '../../plugin/source';
import { openFile } from '../files/find';
import { readRanges, type RecordCounts } from '../files/partitions';
import { openLineCounter } from './lines';
import type { JsonOptions } from './options';
import { stateAt } from './partitions';
import { checkpointAt, keepPlace } from './places';
import { readRecords, type RecordVisitor } from './read-records';
import { createRecordReader } from './record';
import { createValueReader } from './rows';
import { openPlain, textsOf } from './plain-file';
import { findTree } from './tree';

/** Small enough that reading a piece does not delay heartbeats. */
const PIECE_BYTES = 128 * 1024;
/** A character has four bytes at most. */
const RAW_BYTES = 4 * LIMITS.rawCharsMax;

/** @param ordinals ascending; undefined: all */
export function readJsonRecords(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
  ordinals?: readonly number[],
): AsyncGenerator<SourceRecord> {
  return readRanges(textsOf(options, survey), partition, ordinals, (range, counts) =>
    readRange(options, context, survey, range, ordinals, counts),
  );
}

/** The records of a range in one file. @param counts of the ranges before it */
async function* readRange(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  { file: index, start, end }: Partition,
  ordinals: readonly number[] | undefined,
  counts: RecordCounts,
): AsyncGenerator<SourceRecord> {
  const file = await openPlain(options, context, survey, index);
  const tree = await findTree(options, file);
  const state = await stateAt(options, context, file, start);
  const from = await checkpointAt(options, context, file, start);
  await keepPlace(options, context, file, from);
  let { records } = from;
  const found: Omit<SourceRecord, 'line'>[] = [];
  const reader = createReader(options, survey, tree === undefined);
  const isAsked = (ordinal: number): boolean => !ordinals || ordinals[counts.asked] === ordinal;
  const add = (bytes: Buffer, first: number, last: number, base: number, read: ReadValues): void => {
    counts.ordinal++;
    records++;
    if (!isAsked(counts.ordinal)) return;
    counts.asked++;
    const raw = shortenRaw(bytes.toString('utf8', first, Math.min(last, first + RAW_BYTES)));
    const place = { ordinal: counts.ordinal, file: file.shown, record: records, byteOffset: base + first };
    found.push({ ...place, ...read(), raw });
  };
  const visitor: RecordVisitor = {
    read: (bytes, at) => (isAsked(counts.ordinal + 1) ? reader.read(bytes, at) : -1),
    take: (bytes, first, last, base) =>
      add(bytes, first, last, base, () => ({ values: reader.values(bytes) })),
    pass: (bytes, first, last, base, reason) =>
      add(bytes, first, last, base, () => ({ values: null, reason: reason ?? reader.reason() })),
    isDone: () => ordinals !== undefined && counts.asked >= ordinals.length,
  };
  const handle = await openFile(file.path, file.shown);
  try {
    const lines = openLineCounter(handle, from);
    const range = { handle, start, end, size: file.bytes, tree, state, pieceBytes: PIECE_BYTES };
    const reading = readRecords(range, visitor);
    for (let done = false; !done;) {
      context.signal.throwIfAborted();
      done = (await reading.next()).done === true;
      for (const record of found.splice(0)) yield { ...record, line: await lines.lineAt(record.byteOffset) };
    }
  } finally {
    await handle.close();
  }
}

type ReadValues = () => Pick<SourceRecord, 'values' | 'reason'>;

function createReader(
  { flatten, null_values, columns }: JsonOptions,
  survey: SourceSurvey,
  oneLine: boolean,
) {
  const rules = { columns: survey.columns, flatten, ignoreOthers: columns !== undefined, oneLine };
  const reader = createRecordReader(rules);
  const values = createValueReader(survey.columns.length, null_values);
  return {
    read: (bytes: Buffer, at: number) => reader.read(bytes, at),
    values: (bytes: Buffer) => values.read(bytes, reader.slots),
    reason: () => reader.problem.reason,
  };
}
