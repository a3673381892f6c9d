/** Where the records of a document are. */
import { readFile } from 'node:fs/promises';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { JsonOptions } from './options';
import { brokenDocument } from './failure';
import { checkValue } from './nested';
import { createPathTree, findPaths, plainSegments, type PathTree } from './path';
import { TRUNCATED } from './read-records';
import type { PlainFile } from './plain-file';
import { LINE_FEED, skipBlanks } from './tokens';

/**
 * The tree of a document; undefined for lines.
 * @throws FlexetlError SOURCE_UNREADABLE
 */
export async function findTree(
  { record_path = '$' }: JsonOptions,
  { isDocument, path, shown, bytes, start }: PlainFile,
): Promise<PathTree | undefined> {
  if (!isDocument) return undefined;
  const segments = plainSegments(record_path);
  if (segments) return createPathTree([segments]);
  if (bytes > LIMITS.jsonQueryBytesMax) {
    throw new FlexetlError('SOURCE_UNREADABLE', {
      message: `${shown} has ${bytes} bytes; for the record_path ${record_path} the limit is ${LIMITS.jsonQueryBytesMax}.`,
      hint: 'A record_path of names, indexes and [*] only, as in $.data.items[*], is read whatever the size.',
    });
  }
  const text = Buffer.concat([(await readFile(path)).subarray(start), Buffer.alloc(2)]);
  const at = skipBlanks(text, 0);
  const found = checkValue(text, at, 1, LINE_FEED);
  if (typeof found !== 'number') {
    const reason = found.at >= bytes - start ? TRUNCATED : found.reason;
    throw await brokenDocument({ path, shown }, { reason, at: start + found.at }, 0);
  }
  return findPaths(text.toString('utf8', at, found), record_path);
}
