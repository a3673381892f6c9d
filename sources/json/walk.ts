/**
 * Walks through a document, piece by piece, and stops at its records. What is between them must be JSON; what a path
 * does not lead to is passed over.
 */
import type { PathStep, PathTree } from './path';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endOfText,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  readText,
  skipBlanks,
} from './tokens';

/** An object or array that is open. */
interface Frame {
  isArray: boolean;
  step: number;
  /** The next place in an array. */
  place: number;
  /** Keys that the path leads to, to notice one that comes twice; and the first others, for a message. */
  found: string[];
  others: string[];
}

/** Where a walk is; plain JSON. */
export interface WalkState {
  frames: Frame[];
  /** `value`: before a value, whose step is `step`; `after`: behind one; `first`: in a container that just opened. */
  expects: 'value' | 'after' | 'first';
  step: number;
  /** The path has led to a record, or to an array of records. */
  reached?: boolean;
  /** The keys of the first object in which the path found none. */
  missed?: string[];
  /** Of a value that is passed over in several pieces. */
  skipping?: { depth: number; inText: boolean };
}

/** At the start of a document. */
export const newWalkState = (): WalkState => ({ frames: [], expects: 'value', step: 0 });
/** No path leads there. */
const NOWHERE = -1;
const KEYS_SHOWN = 10;

export interface Walk {
  state: WalkState;
  /** What is wrong with the document itself, and where. */
  problem?: { reason: string; at: number };
  /**
   * Goes on until the next record.
   * @param at where the walk is in the bytes
   * @returns whether a record starts at `at`, or whether more bytes are needed from `at` on
   */
  next(
    bytes: Buffer,
    at: number,
    end: number,
    final: boolean,
  ): { at: number; found: 'record' | 'more' | 'problem' };
  /** The record was read: the walk goes on behind it. */
  passRecord(): void;
}

/** @param state where to go on; it is changed */
export function createWalk(tree: PathTree, state: WalkState): Walk {
  const walk: Walk = {
    state,
    next,
    passRecord() {
      state.expects = 'after';
    },
  };

  function next(bytes: Buffer, from: number, end: number, final: boolean): ReturnType<Walk['next']> {
    let at = from;
    for (;;) {
      if (state.skipping) {
        at = skipOn(state, bytes, at, end);
        if (state.skipping) {
          // A number at the end of the document is followed by nothing.
          if (!final || state.skipping.depth > 0 || state.skipping.inText) return { at, found: 'more' };
          delete state.skipping;
        }
        state.expects = 'after';
      }
      at = skipBlanks(bytes, at);
      if (at >= end) return { at: end, found: 'more' };
      const step = takeToken(bytes, at, end);
      if (step === 'more') return { at, found: 'more' };
      if (step === 'record') return { at, found: 'record' };
      if (step === 'problem') return { at, found: 'problem' };
      at = step;
    }
  }

  const fail = (reason: string, at: number): 'problem' => {
    walk.problem = { reason, at };
    return 'problem';
  };

  /** @returns the offset after the token; or why it was not taken */
  function takeToken(bytes: Buffer, at: number, end: number): number | 'record' | 'more' | 'problem' {
    const byte = bytes[at] as number;
    const frame = state.frames.at(-1);
    if (state.expects === 'value') return takeValue(byte, at);
    if (!frame) return fail('more text after the end of the document', at);
    if (byte === (frame.isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) {
      state.frames.pop();
      state.expects = 'after';
      if (!frame.isArray && frame.found.length === 0 && frame.others.length > 0)
        state.missed ??= frame.others;
      return at + 1;
    }
    if (state.expects === 'after') {
      if (byte !== COMMA) return fail(`neither a comma nor the end of the ${kindOf(frame)}`, at);
      const next = skipBlanks(bytes, at + 1);
      if (next >= end) return 'more';
      if (bytes[next] === CLOSE_ARRAY || bytes[next] === CLOSE_OBJECT)
        return fail(`a comma before the end of the ${kindOf(frame)}`, at);
      return frame.isArray ? takePlace(frame, next) : takeKey(frame, bytes, next, end);
    }
    return frame.isArray ? takePlace(frame, at) : takeKey(frame, bytes, at, end);
  }

  function takePlace(frame: Frame, at: number): number {
    const step = tree[frame.step] as PathStep;
    state.step = step.places.get(frame.place) ?? step.every ?? NOWHERE;
    frame.place += 1;
    state.expects = 'value';
    return at;
  }

  function takeKey(frame: Frame, bytes: Buffer, at: number, end: number): number | 'more' | 'problem' {
    if (bytes[at] !== QUOTE) return fail('something else than a key in quotes', at);
    const close = endOfText(bytes, at + 1);
    if (close >= end) return 'more';
    if (bytes[close] !== QUOTE) return fail('a control character in a key', close);
    const colon = skipBlanks(bytes, close + 1);
    if (colon >= end) return 'more';
    if (bytes[colon] !== COLON) return fail('a key without a colon', colon);
    const key = readText(bytes, at + 1, close);
    if ('problem' in key) return fail(`${key.problem} in a key`, at);
    const step = tree[frame.step] as PathStep;
    state.step = step.names.get(key.text) ?? step.every ?? NOWHERE;
    if (state.step !== NOWHERE && step.every === undefined) {
      if (frame.found.includes(key.text)) return fail(`the key ${JSON.stringify(key.text)} twice`, at);
      frame.found.push(key.text);
    } else if (state.step === NOWHERE && frame.others.length < KEYS_SHOWN) frame.others.push(key.text);
    state.expects = 'value';
    return colon + 1;
  }

  function takeValue(byte: number, at: number): number | 'record' | 'problem' {
    const step = tree[state.step];
    const isContainer = byte === OPEN_OBJECT || byte === OPEN_ARRAY;
    if (step?.isRecord) state.reached = true;
    if (step?.isRecord && (step.isElement || byte !== OPEN_ARRAY)) return 'record';
    if (step && isContainer) {
      state.frames.push({ isArray: byte === OPEN_ARRAY, step: state.step, place: 0, found: [], others: [] });
      state.expects = 'first';
      return at + 1;
    }
    if (byte === COMMA || byte === COLON || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || byte === 0)
      return fail('no value where one should be', at);
    state.skipping = { depth: 0, inText: false };
    return at;
  }

  return walk;
}

function kindOf({ isArray }: Frame): string {
  return isArray ? 'array' : 'object';
}

/** Passes over a value, or the part of it that is there. @returns the offset reached */
function skipOn(state: WalkState, bytes: Buffer, from: number, end: number): number {
  const skipping = state.skipping as NonNullable<WalkState['skipping']>;
  let { depth, inText } = skipping;
  let at = from;
  while (at < end) {
    const byte = bytes[at] as number;
    if (inText) {
      if (byte === 0x5c) {
        // An escape that is cut in two is looked at again.
        if (at + 1 >= end) break;
        at++;
      } else if (byte === QUOTE) {
        inText = false;
        if (depth === 0) {
          delete state.skipping;
          return at + 1;
        }
      }
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--;
      if (depth <= 0) {
        delete state.skipping;
        return depth < 0 ? at : at + 1;
      }
    } else if (depth === 0 && (byte === COMMA || byte <= 0x20)) {
      delete state.skipping;
      return at;
    }
    at++;
  }
  state.skipping = { depth, inText };
  return at;
}
