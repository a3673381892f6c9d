/** Line and record number of an offset, counted once and kept among the shared files. */
import type { PluginContext } from '../../plugin/context';
import { openFile } from '../files/find';
import { addressOf } from '../files/fingerprint';
import { keepCheckpoint, nearestCheckpoint, type LineCheckpoint } from '../files/line-checkpoints';
import { openLineCounter } from './lines';
import type { JsonOptions } from './options';
import { stateAt } from './partitions';
import { readRecords, type RecordVisitor } from './read-records';
import type { PlainFile } from './plain-file';
import { findTree } from './tree';

const PIECE_BYTES = 1024 * 1024;

/** @param offset of a record, or where a partition starts or ends */
export async function checkpointAt(
  options: JsonOptions,
  context: PluginContext,
  file: PlainFile,
  offset: number,
): Promise<LineCheckpoint> {
  const origin = { offset: file.start, line: 1, records: 0 };
  const from = await nearestCheckpoint(context.shared, prefixOf(options, file), offset, origin);
  if (from.offset === offset) return from;
  let { records } = from;
  const count: RecordVisitor = {
    read: () => -1,
    take: () => undefined,
    pass: () => void records++,
  };
  const tree = await findTree(options, file);
  const state = await stateAt(options, context, file, from.offset);
  const handle = await openFile(file.path, file.shown);
  try {
    const range = { handle, start: from.offset, end: offset, size: file.bytes, tree, state };
    const reading = readRecords({ ...range, pieceBytes: PIECE_BYTES }, count);
    while (!(await reading.next()).done) context.signal.throwIfAborted();
    const line = await openLineCounter(handle, from).lineAt(offset);
    return { offset, line, records };
  } finally {
    await handle.close();
  }
}

/** Idempotent. */
export function keepPlace(
  options: JsonOptions,
  { shared }: PluginContext,
  file: PlainFile,
  checkpoint: LineCheckpoint,
): Promise<void> {
  return keepCheckpoint(shared, prefixOf(options, file), checkpoint);
}

function prefixOf({ record_path = '$' }: JsonOptions, { source, isDocument }: PlainFile): string {
  return `lines/${addressOf(source, isDocument ? record_path : '')}-`;
}
