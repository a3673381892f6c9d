/** Errors of a whole file, with their place. */
import { FlexetlError, type Place } from '../../pipeline/errors';
import { openFile } from '../files/find';
import { openLineCounter } from './lines';
import { TRUNCATED } from './read-records';

/** The line of an offset. */
export async function lineOf(path: string, shown: string, offset: number): Promise<number> {
  const handle = await openFile(path, shown);
  try {
    return await openLineCounter(handle, { offset: 0, line: 1 }).lineAt(offset);
  } finally {
    await handle.close();
  }
}

/**
 * A document that cannot be read further.
 * @param records good and rejected ones before the place
 */
export async function brokenDocument(
  { path, shown }: { path: string; shown: string },
  { reason, at }: { reason: string; at: number },
  records: number,
): Promise<FlexetlError> {
  const line = await lineOf(path, shown, at);
  const place: Place = { file: shown, line, record: records + 1, column: null, value: null, reason };
  const truncated = reason === TRUNCATED;
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: truncated
      ? `${shown} is truncated: ${reason}, at line ${line}, after ${records} records.`
      : `${shown} is broken at line ${line}, byte ${at}, after ${records} records: ${reason}.`,
    hint: truncated
      ? 'Transfer or export the file again.'
      : 'Fix the file. Where each line is a record of its own, set format: ndjson.',
    places: [place],
  });
}
