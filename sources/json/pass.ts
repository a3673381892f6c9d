/** One pass over ranges of JSON files: writes the rows of their records, or only looks at them. */
import { openSync, closeSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { callThread } from '../../runtime/thread';
import type { PathTree } from './path';
import { readRecords, type RangeEnd, type RecordVisitor } from './read-records';
import { createRecordReader, type RecordRules } from './record';
import { createValueWriter, rowBytesMax, ROWS_START, writeRow } from './rows';
import { createUsualRows } from './usual-rows';
import type { WalkState } from './walk';

export interface PassRange {
  /** Absolute path of plain UTF-8 text. */
  path: string;
  start: number;
  end: number;
  size: number;
  state?: WalkState;
}

export interface RowsPass {
  ranges: readonly PassRange[];
  /** Absent: lines. */
  tree?: PathTree;
  rules: Omit<RecordRules, 'oneLine'>;
  /** The file of rows; absent: records are not read, only their ends are looked for. */
  rows?: string;
  /** The pass ends with the first record that ends at or after this offset. */
  target?: number;
}

/** What ends a pass: it is not of one record only. */
export interface PassProblem {
  /** Of the ranges. */
  range: number;
  reason: string;
  /** Offset in the file, and records of the range before it. */
  at: number;
  records: number;
  /** A key that is no column. */
  unseen?: string;
}

export interface PassResult {
  records: number;
  /** Ordinals of those that have no row. */
  broken: number[];
  /** The longest row. */
  lineBytes: number;
  /** Columns with texts that look like numbers or booleans. */
  textColumns: string[];
  /** Of the last range. */
  end: RangeEnd;
  problem?: PassProblem;
}

const PIECE_BYTES = 1024 * 1024;
/** A smaller pass ends before a thread has started, and blocks only for short times. */
const INLINE_BYTES_MAX = 4 * 1024 * 1024;
const THREAD = join(__dirname, 'json-thread');

/** In a thread if it takes long, so that the event loop is not blocked. @throws FlexetlError SOURCE_CHANGED */
export function runPass(pass: RowsPass, signal: AbortSignal): Promise<PassResult> {
  const bytes = pass.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return bytes <= INLINE_BYTES_MAX ? doPass(pass) : callThread(THREAD, pass, signal);
}

export async function doPass({ ranges, tree, rules, rows, target }: RowsPass): Promise<PassResult> {
  const writer = rows === undefined ? undefined : openRows(rows);
  const { columns, flatten } = rules;
  const oneLine = tree === undefined;
  const reader = createRecordReader({ ...rules, oneLine });
  const values = createValueWriter(columns.length, rules.nullValues);
  const usual = createUsualRows(columns, values, { oneLine, flattens: flatten !== undefined });
  /** The row of the last record that was read is written. */
  let isWritten = false;
  const result: PassResult = { records: 0, broken: [], lineBytes: 0, textColumns: [], end: { at: 0 } };
  let unseen: string | undefined;
  let unseenAt = 0;
  const visitor: RecordVisitor = {
    read(bytes, at, stop) {
      if (!writer) return -1;
      values.begin();
      const row = writer.room(rowBytesMax(stop - at, columns.length));
      const end = usual.write(bytes, at, writer.buffer, row);
      isWritten = end >= 0;
      if (isWritten) return end;
      values.begin();
      return reader.read(bytes, at);
    },
    take(bytes) {
      if (!writer) return;
      result.records++;
      const { buffer, length } = writer;
      writer.length = isWritten ? usual.rowEnd : writeRow(values, bytes, reader.slots, buffer, length);
      values.keep();
      if (writer.length - length > result.lineBytes) result.lineBytes = writer.length - length;
    },
    pass(_bytes, start, _end, base, reason) {
      if (reason === undefined && reader.problem.unseen) {
        unseen ??= reader.problem.unseen.name;
        unseenAt = base + start;
        return;
      }
      if (writer) result.broken.push(result.records);
      result.records++;
    },
    isDone: (at) => unseen !== undefined || (target !== undefined && at >= target),
  };
  try {
    for (const [index, { path, ...range }] of ranges.entries()) {
      const before = result.records;
      const handle = await open(path, 'r');
      try {
        const reading = readRecords({ handle, ...range, tree, pieceBytes: PIECE_BYTES }, visitor);
        let step = await reading.next();
        while (!step.done) step = await reading.next();
        result.end = step.value;
      } finally {
        await handle.close();
      }
      const records = result.records - before;
      const { problem } = result.end;
      if (unseen !== undefined) {
        const reason = reader.problem.reason;
        result.problem = { range: index, reason, at: unseenAt, records, unseen };
      } else if (problem) result.problem = { range: index, ...problem, records };
      if (result.problem) break;
    }
    result.textColumns = columns.filter((_, index) => values.textColumns[index] === 1);
    return result;
  } finally {
    writer?.close();
  }
}

/** Rows are collected in memory and written in large pieces. */
function openRows(path: string) {
  const file = openSync(path, 'w', 0o600);
  const rows = {
    buffer: Buffer.allocUnsafeSlow(4 * PIECE_BYTES),
    length: 0,
    /** The offset in `buffer` where so many bytes can be written. */
    room(bytes: number): number {
      if (rows.length + bytes > rows.buffer.length) rows.flush();
      if (bytes > rows.buffer.length) rows.buffer = Buffer.allocUnsafeSlow(2 * bytes);
      return rows.length;
    },
    flush(): void {
      for (let at = 0; at < rows.length;) at += writeSync(file, rows.buffer, at, rows.length - at);
      rows.length = 0;
    },
    close(): void {
      try {
        rows.flush();
      } finally {
        closeSync(file);
      }
    },
  };
  ROWS_START.copy(rows.buffer);
  rows.length = ROWS_START.length;
  return rows;
}
