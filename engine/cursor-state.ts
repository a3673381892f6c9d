/** What a run of a source with a cursor reads, and what it leaves to the next one. */
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { CursorOptions } from '../plugin/incremental';
import { formatCursor, granularityOf, kindOfCursor, parseCursor, spanOf } from './cursor-value';

/** Digest of a record, its cursor, and how many records are the same. */
export type Seen = [digest: string, value: string, count: number];

/** What a published run leaves to the next one. Values are billionths. */
export type CursorState = {
  cursor: string;
  seen: Seen[];
  /** There were more records within the lag than are remembered. */
  forgot?: boolean;
};

/** What a run reads; the same for all its attempts. */
export type CursorWindow = {
  low: string;
  /** Null: no end. */
  high: string | null;
  before: CursorState | null;
};

/** @param nowMs the time of the start, milliseconds */
export function planWindow(
  options: CursorOptions,
  before: CursorState | undefined,
  nowMs: number,
): CursorWindow {
  const kind = kindOfCursor(options.initial_value);
  const initial = boundOf(options.initial_value, kind);
  const again = before && BigInt(before.cursor) - spanOf(options.lag);
  const low = again !== undefined && again > initial ? again : initial;
  const now = kind === 'time' ? BigInt(nowMs) * 1_000_000n : undefined;
  const high = options.end_value === undefined ? now : boundOf(options.end_value, kind);
  return { low: String(low), high: high === undefined ? null : String(high), before: before ?? null };
}

function boundOf(value: string | number, kind: 'number' | 'time'): bigint {
  const found = parseCursor(String(value), kind);
  if (found !== undefined) return found;
  throw new FlexetlError('CONFIG_INVALID', {
    message: `source.incremental: "${value}" is neither a number nor a date or time, or not of the kind of initial_value.`,
    hint: 'Write it as 12, 2026-01-31 or 2026-01-31T12:00:00Z.',
  });
}

/** What is known after a page, for the next one and for the state; small JSON. */
export type Memory = {
  /** The highest value that was taken. */
  max: string | null;
  /** Records that this run has taken and may meet again. */
  taken: Seen[];
  /** How often known records were met since the last request from a start. */
  met: [digest: string, count: number][];
  forgot?: boolean;
};

export const EMPTY: Memory = { max: null, taken: [], met: [] };

/** What the run leaves, once all its pages are landed. */
export function stateAfterPages(
  options: CursorOptions,
  window: CursorWindow,
  memory: Memory = EMPTY,
): CursorState {
  const { before } = window;
  const known = new Map((before?.seen ?? []).map((one) => [one[0], one]));
  for (const [digest, value, count] of memory.taken)
    known.set(digest, [digest, value, count + (known.get(digest)?.[2] ?? 0)]);
  const values = [before?.cursor, memory.max].flatMap((value) => (value == null ? [] : BigInt(value)));
  const cursor = values.reduce((a, b) => (a > b ? a : b), BigInt(window.low));
  const keepFrom = cursor - spanOf(options.lag);
  const seen = newest([...known.values()].filter(([, value]) => BigInt(value) >= keepFrom));
  const forgot = (memory.forgot ?? false) || seen.length < known.size - olderThan(known, keepFrom);
  return { cursor: String(cursor), seen, ...(forgot && { forgot }) };
}

function olderThan(known: ReadonlyMap<string, Seen>, keepFrom: bigint): number {
  return [...known.values()].filter(([, value]) => BigInt(value) < keepFrom).length;
}

/** At most as many as are remembered. */
export function newest(seen: Seen[]): Seen[] {
  if (seen.length <= LIMITS.recordsRememberedMax) return seen;
  return seen.sort((a, b) => (BigInt(a[1]) > BigInt(b[1]) ? -1 : 1)).slice(0, LIMITS.recordsRememberedMax);
}

/** For users, in `plan`. */
export function describeWindow(options: CursorOptions, { low, high, before }: CursorWindow): string {
  const granularity = granularityOf(options);
  const [start, end] = [low, high].map((value) => value && formatCursor(BigInt(value), granularity));
  const lag = options.lag > 0 && before ? `, the last ${options.lag} of it again for late records` : '';
  const exact = options.order
    ? 'each record once, also where pages move while they are read, if fewer records than a page has share a value'
    : 'append: each record once, but where pages move while they are read a record may come twice, or be missed until the lag reads it again; merge: never twice';
  const forgot = before?.forgot
    ? `; warning: more than ${LIMITS.recordsRememberedMax} records were within the lag, append may load some of them again`
    : '';
  return `${options.cursor} from ${start}${end === null ? '' : ` to ${end}`}${lag}; ${exact}${forgot}`;
}
