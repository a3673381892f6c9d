/**
 * Reads what is new of a source of records, by a cursor. The bounds of a run are fixed before its first request, and its
 * state is what the last published run has left: the highest value of the cursor, and digests of the records that the
 * next run may see again. So a record at the bound, or a late one within the lag, is told from those that are loaded.
 */
import { createHash } from 'node:crypto';
import { FlexetlError } from '../pipeline/errors';
import { jsonMembers, jsonText, jsonValue } from '../pipeline/json-text';
import type { Bounds, CursorOptions } from '../plugin/incremental';
import type { Page, Position, RecordSource } from '../plugin/source';
import { EMPTY, newest, type CursorWindow, type Memory } from './cursor-state';
import {
  ceilCursor,
  floorCursor,
  formatCursor,
  granularityOf,
  kindOfCursor,
  parseCursor,
  spanOf,
} from './cursor-value';

/** Where a page is: in the pages of a request from a start up to an end. */
type CursorPosition = {
  since: string;
  until: string | null;
  /** The step before has what is at or below this. */
  above?: string;
  at?: Position;
};
type RememberedPosition = CursorPosition & { memory: Memory };

/** The last one has what is known after it. */
export interface CursorPage extends Page {
  memory?: Memory;
}

/** A source as a run with this window sees it: without records that are loaded, too old or too new. */
export function onlyNew<Options>(
  source: RecordSource<Options>,
  cursor: CursorOptions,
  window: CursorWindow,
): RecordSource<Options> {
  return {
    ...source,
    // Memory is not a place: a position that repeats is an error.
    place(position) {
      const { since, until, at } = position as unknown as RememberedPosition;
      return [since, until, at === undefined ? null : (source.place?.(at) ?? at)];
    },
    read: (options, context, from) =>
      readNew((bounds, at) => source.read(options, context, at, bounds), cursor, window, from),
  };
}

async function* readNew(
  read: (bounds: Bounds, at: Position | undefined) => AsyncIterable<Page>,
  options: CursorOptions,
  window: CursorWindow,
  from: Position | undefined,
): AsyncGenerator<CursorPage> {
  const reader = createReader(options, window);
  let { memory, ...position } = (from as RememberedPosition | undefined) ?? {
    ...reader.first,
    memory: EMPTY,
  };
  for (;;) {
    let next: CursorPosition | undefined;
    let isAsked = false;
    // A request from a start gives all records from there on, also those that were met before.
    if (position.at === undefined) memory = { ...memory, met: [] };
    for await (const page of read(reader.boundsOf(position), position.at)) {
      isAsked = true;
      const taken = reader.take(page, position, memory);
      ({ next, memory } = taken);
      yield {
        records: taken.records,
        // A page that is asked for from another start may have the same records.
        ...(page.distinct !== undefined && !options.order && { distinct: page.distinct }),
        ...(next ? { next: { ...next, memory } } : { memory }),
      };
      if (next?.at === undefined) break;
      position = next;
    }
    if (!isAsked) next = reader.nextStep(position);
    if (!next) return;
    position = next;
  }
}

/** What is known after a landed page. */
export function memoryAfter({ memory, next }: Pick<CursorPage, 'memory' | 'next'>): Memory | undefined {
  return memory ?? (next as RememberedPosition | undefined)?.memory;
}

function createReader(options: CursorOptions, window: CursorWindow) {
  const { order, on_null } = options;
  const kind = kindOfCursor(options.initial_value);
  const granularity = granularityOf(options);
  const low = BigInt(window.low);
  const high = window.high === null ? undefined : BigInt(window.high);
  const lag = spanOf(options.lag);
  const step = options.step === undefined ? undefined : spanOf(options.step);
  const loaded = new Map((window.before?.seen ?? []).map(([digest, , count]) => [digest, count]));
  const path = options.cursor.split('.');

  const stepFrom = (since: bigint): CursorPosition => {
    const end = step === undefined ? high : since + step;
    const until = high !== undefined && end !== undefined && end > high ? high : end;
    return {
      since: String(floorCursor(since, granularity)),
      until: until === undefined ? null : String(until),
    };
  };
  const nextStep = ({ until }: CursorPosition): CursorPosition | undefined =>
    step !== undefined && until !== null && high !== undefined && BigInt(until) < high
      ? { ...stepFrom(BigInt(until)), above: until }
      : undefined;

  const valueOf = (record: Record<string, unknown> | string, where: string): bigint | undefined => {
    const text = typeof record === 'string' ? memberText(record, path) : fieldText(record, path);
    if (text === undefined && on_null !== 'fail') return undefined;
    const value = text === undefined ? undefined : parseCursor(text, kind);
    if (value !== undefined) return value;
    const found = text === undefined ? 'has no' : `has a text that is no ${kind} as`;
    throw new FlexetlError('SOURCE_UNREADABLE', {
      message: `${where} ${found} ${options.cursor}, the cursor of incremental.`,
      hint: 'Correct incremental.cursor; or say with on_null what becomes of records without one.',
    });
  };

  return {
    first: stepFrom(low),
    nextStep,
    boundsOf: ({ since, until }: CursorPosition): Bounds => ({
      start: formatCursor(BigInt(since), granularity),
      end: until === null ? '' : formatCursor(ceilCursor(BigInt(until), granularity), granularity),
    }),
    /** The new records of a page, and where to go on. */
    take(page: Page, position: CursorPosition, before: Memory) {
      const taken = new Map(before.taken.map((one) => [one[0], one]));
      const met = new Map(before.met);
      const records: (Record<string, unknown> | string)[] = [];
      const until = position.until === null ? undefined : BigInt(position.until);
      let max = before.max === null ? undefined : BigInt(before.max);
      const above = position.above === undefined ? low - 1n : BigInt(position.above);
      let last: bigint | undefined;
      let isPast = false;
      for (const [index, record] of page.records.entries()) {
        const value = valueOf(record, `Record ${index + 1} of a page from ${position.since}`);
        if (value === undefined) {
          if (on_null === 'include') records.push(record);
          continue;
        }
        if (order && last !== undefined && value < last) throw unordered(options.cursor);
        last = value;
        isPast ||= until !== undefined && value > until;
        if (value < low || value <= above || (until !== undefined && value > until)) continue;
        const digest = digestOfRecord(record);
        const times = (met.get(digest) ?? 0) + 1;
        const [, , own = 0] = taken.get(digest) ?? [];
        const isKnown = loaded.has(digest) || own > 0;
        if (isKnown) met.set(digest, times);
        if (isKnown && times <= (loaded.get(digest) ?? 0) + own) continue;
        records.push(record);
        met.set(digest, times);
        taken.set(digest, [digest, String(value), own + 1]);
        if (max === undefined || value > max) max = value;
      }
      const next = nextOf(page, position, last, isPast);
      // No later request asks for others.
      const keepFrom = max === undefined ? low : least(max - lag, floorCursor(max, granularity));
      const kept = [...taken.values()].filter(([, value]) => BigInt(value) >= keepFrom);
      const newestKept = newest(kept);
      const keptDigests = new Set(newestKept.map(([digest]) => digest));
      const memory: Memory = {
        max: max === undefined ? null : String(max),
        taken: newestKept,
        met: [...met].filter(([digest]) => keptDigests.has(digest) || loaded.has(digest)),
        ...((before.forgot === true || newestKept.length < kept.length) && { forgot: true }),
      };
      return { records, memory, next };
    },
  };

  function nextOf(
    page: Page,
    position: CursorPosition,
    last: bigint | undefined,
    isPast: boolean,
  ): CursorPosition | undefined {
    if (page.next === undefined || (order && isPast)) return nextStep(position);
    if (order && last !== undefined) {
      const since = floorCursor(last, granularity);
      const { at: _, ...rest } = position;
      if (since > BigInt(position.since)) return { ...rest, since: String(since) };
    }
    return { ...position, at: page.next };
  }
}

function least(a: bigint, b: bigint): bigint {
  return b < a ? b : a;
}

function digestOfRecord(record: Record<string, unknown> | string): string {
  const text = typeof record === 'string' ? record : JSON.stringify(record);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

function fieldText(record: Record<string, unknown>, path: readonly string[]): string | undefined {
  let found: unknown = record;
  for (const key of path)
    found =
      typeof found === 'object' && found !== null && Object.hasOwn(found, key)
        ? (found as Record<string, unknown>)[key]
        : undefined;
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'bigint'
    ? String(found)
    : undefined;
}

/** Of a record that is a JSON text: numbers keep their digits. */
function memberText(record: string, path: readonly string[]): string | undefined {
  let span = jsonValue(record);
  for (const name of path) {
    if (record[span.start] !== '{') return undefined;
    const member = jsonMembers(record, span.start).findLast(({ key }) => key === name);
    if (!member) return undefined;
    span = member;
  }
  return jsonText(record, span) ?? undefined;
}

function unordered(cursor: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', {
    message: `The records of a page are not in ascending order of ${cursor}, as incremental.order says.`,
    hint: 'Ask for that order with the parameters of the request, or remove incremental.order.',
  });
}
