/**
 * The partitions of JSON files. Lines can be cut anywhere; a large document is cut in the pass that walks through it, and
 * where the walk is at each cut is kept among the shared files.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { openFile } from '../files/find';
import { addressOf, withSameFile } from '../files/fingerprint';
import { landFiles, type FilePosition } from '../files/partitions';
import type { PluginContext } from '../../plugin/context';
import type { Landed, Position, SourceSurvey } from '../../plugin/source';
import { brokenDocument } from './failure';
import type { JsonOptions } from './options';
import { runPass } from './pass';
import { openPlain, textsOf, type PlainFile } from './plain-file';
import { LINE_FEED } from './tokens';
import { findTree } from './tree';
import type { WalkState } from './walk';

/** Cuts one partition; the same for every attempt. */
export function landPartition(
  options: JsonOptions,
  context: PluginContext,
  survey: SourceSurvey,
  index: number,
  from: Position,
): Promise<Landed> {
  return landFiles(textsOf(options, survey), index, from as FilePosition, async (file, start, target) => {
    const plain = await openPlain(options, context, survey, file);
    if (!plain.isDocument) return endOfLine(plain, target);
    const { source, absolute } = plain;
    return withSameFile(absolute, source, () => cutDocument(options, context, plain, start, target));
  });
}

/** The offset after the line that has the byte before an offset. */
export async function endOfLine({ path, shown, bytes }: PlainFile, offset: number): Promise<number> {
  const handle = await openFile(path, shown);
  try {
    for (let at = offset - 1; at < bytes; at += PIECE_BYTES) {
      const piece = await handle.read({ buffer: Buffer.alloc(PIECE_BYTES), position: at });
      const found = piece.buffer.subarray(0, piece.bytesRead).indexOf(LINE_FEED);
      if (found !== -1) return at + found + 1;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

const PIECE_BYTES = 64 * 1024;

/** @throws FlexetlError SOURCE_UNREADABLE */
async function cutDocument(
  options: JsonOptions,
  context: PluginContext,
  file: PlainFile,
  start: number,
  target: number,
): Promise<number> {
  const tree = await findTree(options, file);
  const state = await stateAt(options, context, file, start);
  const pass = await runPass(
    {
      ranges: [{ path: file.path, start, end: file.bytes, size: file.bytes, ...(state && { state }) }],
      ...(tree && { tree }),
      rules: { columns: [] },
      target,
    },
    context.signal,
  );
  if (pass.problem) throw await brokenDocument(file, pass.problem, pass.records);
  // After the last record only closing brackets come.
  const end = target >= file.bytes ? file.bytes : pass.end.at;
  if (end < file.bytes) {
    const name = stateName(options, file, end);
    await context.shared.make(name, (path) => writeFile(path, JSON.stringify(pass.end.state)));
  }
  return end;
}

const stateName = ({ record_path = '$' }: JsonOptions, { source }: PlainFile, offset: number): string =>
  `walks/${addressOf(source, record_path)}-${offset}.json`;

/** Where the walk through a document is at the start of a partition; undefined at the start of the document. */
export async function stateAt(
  options: JsonOptions,
  context: PluginContext,
  file: PlainFile,
  offset: number,
): Promise<WalkState | undefined> {
  if (!file.isDocument || offset === file.start) return undefined;
  const kept = await context.shared.find(stateName(options, file, offset));
  if (kept === undefined) {
    // It is damaged: the walk starts again.
    await cutDocument(options, context, file, file.start, offset);
    return stateAt(options, context, file, offset);
  }
  return JSON.parse(await readFile(kept, 'utf8')) as WalkState;
}
