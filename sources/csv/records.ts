/** Records of a partition with their places, the broken ones with their reason: all of them, or those of some ordinals. */
import { LIMITS } from '../../pipeline/limits';
import { shortenRaw } from '../../pipeline/raw-text';
import type { PluginContext } from '../../plugin/context';
import type { Partition, SourceRecord, SourceSurvey } from '../../plugin/source';
import { openFile } from '../files/find';
import { likelyEncoding } from '../files/likely-encoding';
import { addressOf } from '../files/fingerprint';
import { keepCheckpoint, nearestCheckpoint, type LineCheckpoint } from '../files/line-checkpoints';
import { readRanges, type RecordCounts } from '../files/partitions';
import { dialectBytes, type RecordCut } from './boundaries';
import { cutRecords, isBlank } from './cut';
import type { CsvOptions } from './options';
import { NOT_UTF8, splitRecords } from './split';
import { textsOf } from './partitions';
import { openPlain, type PlainFile } from './survey';
import { createValueReader } from './values';

/** Small enough that splitting a piece does not delay heartbeats. */
const PIECE_BYTES = 128 * 1024;
const COUNT_BYTES = 4 * 1024 * 1024;
/** A character has four bytes at most. */
const RAW_BYTES = 4 * LIMITS.rawCharsMax;

/** @param ordinals ascending; undefined: all */
export function readCsvRecords(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
  ordinals?: readonly number[],
): AsyncGenerator<SourceRecord> {
  return readRanges(textsOf(survey), partition, ordinals, (range, counts) =>
    readRange(options, context, survey, range, ordinals, counts),
  );
}

/** The records of a range in one file. @param counts of the ranges before it */
async function* readRange(
  options: CsvOptions,
  context: PluginContext,
  survey: SourceSurvey,
  partition: Partition,
  ordinals: readonly number[] | undefined,
  counts: RecordCounts,
): AsyncGenerator<SourceRecord> {
  const file = await openPlain(options, context, survey, partition.file);
  const columnCount = file.columns.length;
  const order = file.columns === survey.columns ? undefined : orderOf(file.columns, survey.columns);
  const prefix = `lines/${addressOf(file.source)}-`;
  const { line, records } = await findCheckpoint(file, partition.start, columnCount, prefix, context);
  const place = { ordinal: counts.ordinal, line, record: records };
  const places: (typeof place)[] = [];
  const isAsked = (cut: RecordCut): boolean => {
    const startLine = place.line;
    place.line += cut.lines;
    if (isBlank(cut, columnCount)) return false;
    place.ordinal++;
    place.record++;
    if (ordinals && ordinals[counts.asked] !== place.ordinal) return false;
    counts.asked++;
    places.push({ ...place, line: startLine });
    return true;
  };
  const readValues = createValueReader(options, columnCount, file.surplus);
  const handle = await openFile(file.path, file.shown);
  let reached = partition.start;
  try {
    const range = { handle, start: partition.start, end: partition.end, size: file.bytes };
    for await (const piece of cutRecords(range, dialectBytes(file.dialect), PIECE_BYTES, isAsked)) {
      context.signal.throwIfAborted();
      const rows = splitRecords(piece, file.dialect);
      for (const [index, at] of places.splice(0).entries()) {
        const cut = piece.cuts[index];
        if (!cut) continue;
        const found = readValues(rows[index] ?? []);
        yield {
          ...at,
          file: file.shown,
          byteOffset: piece.base + cut.start,
          values: 'values' in found ? reorder(found.values, order) : null,
          ...('reason' in found ? { reason: explainReason(found.reason, piece.bytes, cut) } : {}),
          raw: shortenRaw(
            piece.bytes.toString('utf8', cut.start, Math.min(cut.textEnd, cut.start + RAW_BYTES)),
          ),
        };
      }
      reached = piece.base + piece.end;
      if (ordinals && counts.asked >= ordinals.length) break;
    }
  } finally {
    await handle.close();
  }
  counts.ordinal = place.ordinal;
  // After the last record nothing is looked for.
  if (reached < file.bytes)
    await keepCheckpoint(context.shared, prefix, {
      offset: reached,
      line: place.line,
      records: place.record,
    });
}

/** For each column of the source its place in the file. */
function orderOf(there: readonly string[], columns: readonly string[]): number[] {
  const places = new Map(there.map((name, index) => [name, index]));
  return columns.map((name) => places.get(name) ?? -1);
}

function reorder(values: (string | null)[], order: readonly number[] | undefined): (string | null)[] {
  return order ? order.map((place) => values[place] ?? null) : values;
}

/** Of bytes that are not UTF-8 also the encoding that they look like. */
function explainReason(reason: string, bytes: Buffer, { start, textEnd }: RecordCut): string {
  if (reason !== NOT_UTF8) return reason;
  const likely = likelyEncoding(bytes.subarray(start, Math.min(textEnd, start + RAW_BYTES)));
  return likely ? `${reason}, looks like ${likely.name}` : reason;
}

/** The checkpoint at an offset, counted from the last one before it. */
async function findCheckpoint(
  file: PlainFile,
  offset: number,
  columnCount: number,
  prefix: string,
  { shared, signal }: PluginContext,
): Promise<LineCheckpoint> {
  const origin = { offset: file.start, line: file.line, records: 0 };
  const { offset: start, ...counted } = await nearestCheckpoint(shared, prefix, offset, origin);
  if (start === offset) return { offset, ...counted };
  const count = (cut: RecordCut): boolean => {
    counted.line += cut.lines;
    if (!isBlank(cut, columnCount)) counted.records++;
    return false;
  };
  const handle = await openFile(file.path, file.shown);
  try {
    const range = { handle, start, end: offset, size: file.bytes };
    for await (const _ of cutRecords(range, dialectBytes(file.dialect), COUNT_BYTES, count)) {
      signal.throwIfAborted();
    }
  } finally {
    await handle.close();
  }
  await keepCheckpoint(shared, prefix, { offset, ...counted });
  return { offset, ...counted };
}
