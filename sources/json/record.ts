/**
 * Reads one record: an object whose keys are columns. Values stay places in the bytes until a row is made of them, so
 * that numbers are exact and nothing is read twice.
 */
import { LIMITS } from '../../pipeline/limits';
import { checkValue, readKey, type ValueProblem } from './nested';
import { shown, TOO_DEEP } from './problems';
import {
  CLOSE_OBJECT,
  COLON,
  COMMA,
  hasEscape,
  LINE_FEED,
  lengthOfWord,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipBlanks,
} from './tokens';

export interface RecordRules {
  /** The keys that become columns, in order; with `flatten`, the joined ones. */
  columns: readonly string[];
  /** Keys of nested objects are joined with this; undefined: nested values are JSON text. */
  flatten?: string | undefined;
  /** Texts that mean null. */
  nullValues?: readonly string[] | undefined;
  /** Other keys are passed over; otherwise they are `unseen`. */
  ignoreOthers?: boolean | undefined;
  /** Another key whose value is null is `unseen` too; otherwise it is passed over, as nothing is lost. */
  nullsAreKeys?: boolean | undefined;
  /** A record does not go on after a line feed. */
  oneLine: boolean;
}

/** What a value is: {@link rowOf} makes a text of it. */
export const enum Kind {
  Null,
  /** A text without escapes, and one with. */
  Text,
  Escaped,
  /** A number or boolean. */
  Literal,
  Nested,
}

/** The values of a record by column; those of columns that it does not have are Null. */
export interface Slots {
  kinds: Uint8Array;
  starts: Int32Array;
  ends: Int32Array;
}

export interface RecordProblem {
  /** What is wrong, without a value of the record. */
  reason: string;
  /** The offset of what is wrong. */
  at: number;
  /** A key that is no column, and the column that its predecessor in the record is. */
  unseen?: { name: string; after: number };
}

export interface RecordReader {
  slots: Slots;
  /** Why the last record could not be read. */
  problem: RecordProblem;
  /**
   * @param bytes valid UTF-8
   * @param at the offset of the record's first byte
   * @returns the offset after the record, or -1
   */
  read(bytes: Buffer, at: number): number;
}

const KEYS_TRIED_MAX = 32;

export function createRecordReader(rules: RecordRules): RecordReader {
  const { columns, flatten, ignoreOthers = false, nullsAreKeys = false } = rules;
  const lineFeed = rules.oneLine ? 0x20 : LINE_FEED;
  const count = columns.length;
  const names = new Map(columns.map((name, index) => [name, index]));
  /** The bytes of each key with its quotes, as it is usually written. */
  const usual = columns.map((name) => Buffer.from(JSON.stringify(name)));
  const keysTried = Math.min(count, KEYS_TRIED_MAX);
  const kinds = new Uint8Array(count);
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  /** The record in which a column was last seen. */
  const seenIn = new Int32Array(count);
  let record = 0;
  let others = new Set<string>();
  /** The column that is expected next: keys mostly come in the same order. */
  let expected = 0;
  let last = -1;
  const problem: RecordProblem = { reason: '', at: 0 };
  /** The offset of the first key that is no column. */
  let unseenAt = 0;

  const fail = (reason: string, at: number): -1 => {
    problem.reason = reason;
    problem.at = at;
    delete problem.unseen;
    return -1;
  };
  const failAs = ({ reason, at }: ValueProblem): -1 => fail(reason, at);

  /** The offset after the key at `at`; its column, or -1 for another one, is in `column`. */
  let column = -1;
  let name = '';
  const findKey = (bytes: Buffer, at: number, prefix: string): number => {
    // Comparing bytes costs less than making a string: the keys that come next, and in a small record all.
    for (let tried = 0, next = expected; prefix === '' && tried < keysTried; tried++) {
      const key = usual[next] as Buffer;
      let same = 0;
      while (same < key.length && bytes[at + same] === key[same]) same++;
      if (same === key.length) {
        column = next;
        return at + same;
      }
      next = next + 1 === count ? 0 : next + 1;
    }
    const found = readKey(bytes, at);
    if ('reason' in found) return failAs(found);
    name = prefix + found.name;
    column = names.get(name) ?? -1;
    return found.end;
  };

  /** Notes a key of the record. With `flatten`, keys of objects are keys too. */
  const isTwice = (full: string): boolean => {
    if (flatten === undefined && column >= 0) {
      if (seenIn[column] === record) return true;
      seenIn[column] = record;
      return false;
    }
    if (others.has(full)) return true;
    others.add(full);
    return false;
  };

  const failTwice = (full: string, at: number): -1 => {
    const isJoined = flatten !== undefined && full.includes(flatten);
    return fail(`the key ${shown(full)} twice${isJoined ? ', as flatten joins keys' : ''}`, at);
  };

  /** @returns the offset after the value */
  const readValue = (bytes: Buffer, at: number, depth: number): number => {
    const end = checkValue(bytes, at, depth + 1, lineFeed);
    if (typeof end !== 'number') return failAs(end);
    if (column >= 0) {
      const quotes = bytes[at] === QUOTE ? 1 : 0;
      kinds[column] = kindOf(bytes, at, end);
      starts[column] = at + quotes;
      ends[column] = end - quotes;
    }
    return end;
  };

  const readObject = (bytes: Buffer, from: number, prefix: string, depth: number): number => {
    let at = skipBlanks(bytes, from + 1, lineFeed);
    if (bytes[at] === CLOSE_OBJECT) return at + 1;
    for (;;) {
      const keyAt = at;
      at = findKey(bytes, at, prefix);
      if (at < 0) return -1;
      at = skipBlanks(bytes, at, lineFeed);
      if (bytes[at] !== COLON) return fail('a key without a colon', at);
      at = skipBlanks(bytes, at + 1, lineFeed);
      const full = flatten === undefined || column < 0 ? name : (columns[column] as string);
      if (isTwice(full)) return failTwice(column < 0 ? full : (columns[column] ?? ''), keyAt);
      if (flatten !== undefined && bytes[at] === OPEN_OBJECT) {
        if (depth >= LIMITS.jsonDepthMax) return fail(TOO_DEEP, at);
        at = readObject(bytes, at, full + flatten, depth + 1);
      } else {
        if (column >= 0) {
          last = column;
          expected = column + 1 === count ? 0 : column + 1;
        } else if (!ignoreOthers && (nullsAreKeys || !isNull(bytes, at))) {
          // It counts only if the record is not broken further on.
          if (!problem.unseen) unseenAt = keyAt;
          problem.unseen ??= { name, after: last };
        }
        at = readValue(bytes, at, depth);
      }
      if (at < 0) return -1;
      at = skipBlanks(bytes, at, lineFeed);
      if (bytes[at] === CLOSE_OBJECT) return at + 1;
      if (bytes[at] !== COMMA) return fail('neither a comma nor the end of the object after a value', at);
      at = skipBlanks(bytes, at + 1, lineFeed);
      if (bytes[at] === CLOSE_OBJECT) return fail('a comma before the end of an object', at);
    }
  };

  const isNull = (bytes: Buffer, at: number): boolean => bytes[at] === 0x6e && lengthOfWord(bytes, at) > 0;

  return {
    slots: { kinds, starts, ends },
    problem,
    read(bytes, at) {
      record++;
      kinds.fill(Kind.Null);
      if (others.size > 0) others = new Set();
      expected = 0;
      last = -1;
      delete problem.unseen;
      const end = bytes[at] === OPEN_OBJECT ? readObject(bytes, at, '', 1) : fail('not an object', at);
      const { unseen } = problem as RecordProblem;
      if (end < 0 || !unseen) return end;
      fail(`the key ${shown(unseen.name)}, which is no column`, unseenAt);
      problem.unseen = unseen;
      return -1;
    },
  };
}

/** @param at the first byte of a valid value */
function kindOf(bytes: Buffer, at: number, end: number): Kind {
  const byte = bytes[at];
  if (byte === QUOTE) return hasEscape(bytes, at, end) ? Kind.Escaped : Kind.Text;
  if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) return Kind.Nested;
  return byte === 0x6e ? Kind.Null : Kind.Literal;
}
