/** The keys of records: a survey reads all, up to a bound, so that no column is missed. */
import type { Place } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { openFile } from '../files/find';
import { unreadable } from './detect';
import { brokenDocument, lineOf } from './failure';
import type { JsonOptions } from './options';
import type { PathTree } from './path';
import { readRecords, type RecordVisitor } from './read-records';
import { createRecordReader, Kind, type RecordReader } from './record';
import type { PlainFile } from './plain-file';

/** What all files together have. */
export interface FoundKeys {
  /** In the order of the records: a key stands behind the one that comes before it where it is first seen. */
  names: string[];
  /** Those of them that had no other value than null so far. */
  onlyNulls: Set<string>;
  /** Read so far. */
  bytes: number;
  /** Good ones. */
  records: number;
  firstBroken?: Place;
}

const PIECE_BYTES = 256 * 1024;
/** Of each file, however many there are. */
const FILE_BYTES_MIN = 64 * 1024;

/** @throws FlexetlError SOURCE_UNREADABLE for a broken document, and a path that leads to nothing */
export async function surveyKeys(
  options: JsonOptions,
  file: PlainFile,
  tree: PathTree | undefined,
  keys: FoundKeys,
): Promise<void> {
  const handle = await openFile(file.path, file.shown);
  let records = 0;
  let firstBroken: { at: number; reason: string } | undefined;
  let reader = openReader(options, keys, tree);
  let reason = '';
  const stop = file.start + Math.max(LIMITS.jsonSurveyBytesMax - keys.bytes, FILE_BYTES_MIN);
  const visitor: RecordVisitor = {
    read(bytes, at) {
      let before: string[] | undefined;
      for (;;) {
        const end = reader.read(bytes, at);
        if (end >= 0) return end;
        const { unseen } = reader.problem;
        if (!unseen || keys.names.length > LIMITS.columnsMax) {
          // A broken record has no columns.
          reason = reader.problem.reason;
          if (before) {
            keys.names.splice(0, keys.names.length, ...before);
            reader = openReader(options, keys, tree);
          }
          return end;
        }
        before ??= [...keys.names];
        keys.names.splice(placeOf(unseen.after, keys.names, options), 0, unseen.name);
        keys.onlyNulls.add(unseen.name);
        reader = openReader(options, keys, tree);
      }
    },
    take() {
      records++;
      keys.records++;
      noteValues(reader, keys);
    },
    pass(_bytes, start, _end, base, why = reason) {
      records++;
      firstBroken ??= { at: base + start, reason: why };
    },
    isDone: (at) => at >= stop || keys.names.length > LIMITS.columnsMax,
  };
  try {
    const range = { handle, start: file.start, end: file.bytes, size: file.bytes, pieceBytes: PIECE_BYTES };
    const reading = readRecords({ ...range, tree }, visitor);
    let step = await reading.next();
    while (!step.done) step = await reading.next();
    const { at, state, problem } = step.value;
    keys.bytes += at - file.start;
    if (problem) throw await brokenDocument(file, problem, records);
    if (state && !state.reached && at === file.bytes) throw nothingAt(options, file, state.missed);
  } finally {
    await handle.close();
  }
  if (firstBroken && !keys.firstBroken) {
    const line = await lineOf(file.path, file.shown, firstBroken.at);
    const { reason } = firstBroken;
    keys.firstBroken = { file: file.shown, line, record: 1, column: null, value: null, reason };
  }
}

/** Behind its predecessor in the record, and the columns of the object that this one may be. */
function placeOf(after: number, names: readonly string[], { flatten }: JsonOptions): number {
  let at = after + 1;
  const prefix = `${names[after]}${flatten}`;
  while (flatten !== undefined && names[at]?.startsWith(prefix)) at++;
  return at;
}

function openReader(
  { flatten, columns }: JsonOptions,
  { names }: FoundKeys,
  tree: PathTree | undefined,
): RecordReader {
  return createRecordReader({
    columns: names,
    flatten,
    ignoreOthers: columns !== undefined,
    nullsAreKeys: true,
    oneLine: tree === undefined,
  });
}

function noteValues({ slots: { kinds } }: RecordReader, { names, onlyNulls }: FoundKeys): void {
  if (onlyNulls.size === 0) return;
  for (const name of onlyNulls) if (kinds[names.indexOf(name)] !== Kind.Null) onlyNulls.delete(name);
}

function nothingAt({ record_path = '$' }: JsonOptions, { shown }: PlainFile, missed?: readonly string[]) {
  const keys = missed?.map((key) => JSON.stringify(key.slice(0, 40))).join(', ');
  return unreadable(
    shown,
    `has nothing at the record_path ${record_path}`,
    keys === undefined ? 'Check the path.' : `An object on the way has the keys ${keys}.`,
  );
}
