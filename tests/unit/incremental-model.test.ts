/**
 * A model of reading by a cursor: a server whose rows change between any two requests, runs that are killed after any
 * page and before it is landed, runs that fail, and a target that gets rows and state in one publish.
 */
import fc from 'fast-check';
import { planWindow, stateAfterPages, type CursorState } from '../../engine/cursor-state';
import { memoryAfter, onlyNew, type CursorPage } from '../../engine/incremental';
import type { CursorOptions } from '../../plugin/incremental';
import { incrementalByCursor } from '../../plugin/incremental';
import type { Position, RecordSource } from '../../plugin/source';
import { contextOf } from '../support/parts';

const HISTORIES = Number(process.env['PROPERTY_RUNS'] ?? 1000);
const INITIAL = Date.parse('2026-01-01T00:00:00Z') / 1000;

type Row = { id: number; at: string };

const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
const secondsOf = (text: string): number => Date.parse(text) / 1000;

/** What happens at a moment. `late`: a row with a time up to the lag ago. */
type Change = { what: 'none' | 'tick' | 'insert' | 'late' | 'update' | 'delete'; pick: number };

const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom('none', 'tick', 'tick', 'tick', 'insert', 'insert', 'late', 'update', 'delete'),
  pick: fc.nat(1000),
});

interface History {
  /** Between requests, in turn. */
  changes: Change[];
  /** Between runs. */
  pauses: Change[][];
  /** Of each request: it is killed before its page is landed, after that, or not at all. */
  kills: ('before' | 'after' | 'no')[];
  /** Of each run: whether it is published in the end. */
  publishes: boolean[];
  pageRows: number;
  lag: number;
  step: number | undefined;
}

const history: fc.Arbitrary<History> = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 12 }),
  pauses: fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 6 }),
  kills: fc.array(fc.constantFrom('before', 'after', 'no', 'no'), { minLength: 1, maxLength: 8 }),
  publishes: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  pageRows: fc.integer({ min: 1, max: 5 }),
  lag: fc.integer({ min: 0, max: 3 }),
  step: fc.constantFrom(undefined, undefined, 1, 2),
});

function createServer(lag: number) {
  let now = INITIAL;
  let lastId = 0;
  let rows: Row[] = [];
  let moves = 0;
  let ties = 0;
  const insert = (ago: number): void => {
    rows.push({ id: (lastId += 1), at: timeOf(Math.max(INITIAL, now - ago)) });
  };
  return {
    nowMs: () => now * 1000,
    rows: () => rows,
    /** How often a row has left its place. */
    moves: () => moves,
    /** The most rows that have had one time. */
    ties: () => ties,
    apply({ what, pick }: Change): void {
      const row = rows[pick % Math.max(1, rows.length)];
      if (what === 'tick') now += 1 + (pick % 2);
      if (what === 'insert') insert(0);
      if (what === 'late') insert(pick % (lag + 1));
      if (what !== 'none' && what !== 'tick' && what !== 'insert') moves += 1;
      if (what === 'update' && row)
        rows = [...rows.filter((one) => one !== row), { ...row, at: timeOf(now) }];
      if (what === 'delete' && row) rows = rows.filter((one) => one !== row);
      for (const { at } of rows) ties = Math.max(ties, rows.filter((one) => one.at === at).length);
    },
  };
}

type Server = ReturnType<typeof createServer>;

/** Pages by offset, which move; by time, or by what was written last. */
function sourceOf(server: Server, pageRows: number, ordered: boolean): RecordSource<unknown> {
  return {
    kind: 'records',
    type: 'model',
    description: '.',
    options: undefined as never,
    async *read(_, __, from, bounds) {
      for (let offset = Number(from ?? 0); ; offset += pageRows) {
        const found = server
          .rows()
          .filter(({ at }) => at >= (bounds?.start ?? '') && at <= (bounds?.end ?? ''))
          .sort((a, b) => (ordered && a.at !== b.at ? (a.at < b.at ? -1 : 1) : a.id - b.id));
        const hasMore = found.length > offset + pageRows;
        const records = found.slice(offset, offset + pageRows).map((row) => JSON.stringify(row));
        yield { records, ...(hasMore && { next: offset + pageRows }) };
        if (!hasMore) return;
      }
    },
  };
}

interface Outcome {
  /** Versions of rows, as the target has them. */
  loaded: string[];
  server: Server;
  /** Moves while pages were read. */
  movedInside: number;
  state: CursorState | undefined;
}

async function live(
  { changes, pauses, kills, publishes, pageRows, lag, step }: History,
  { ordered, calm }: { ordered: boolean; calm: boolean },
): Promise<Outcome> {
  const options: CursorOptions = incrementalByCursor.parse({
    cursor: 'at',
    initial_value: timeOf(INITIAL),
    lag,
    step,
    ...(ordered && { order: 'asc' }),
  });
  const server = createServer(lag);
  const loaded: string[] = [];
  let state: CursorState | undefined;
  let movedInside = 0;
  let requests = 0;

  const run = async (isPublished: boolean, isDisturbed: boolean): Promise<void> => {
    const window = planWindow(options, state, server.nowMs());
    const source = onlyNew(sourceOf(server, pageRows, ordered), options, window);
    const landed: CursorPage[] = [];
    for (let isDone = false; !isDone;) {
      const from: Position | undefined = landed.at(-1)?.next;
      if (landed.length > 0 && from === undefined) break;
      isDone = true;
      for await (const page of source.read(undefined, contextOf('.'), from)) {
        const kill = isDisturbed ? kills[requests % kills.length] : 'no';
        const next = changes[requests % changes.length];
        requests += 1;
        // Receipts are JSON.
        if (kill !== 'before' || requests > 60) landed.push(JSON.parse(JSON.stringify(page)) as CursorPage);
        if (isDisturbed && !calm && next && requests < 60) {
          const before = server.moves();
          server.apply(next);
          movedInside += server.moves() - before;
        }
        isDone = kill === 'no' || requests > 60;
        if (!isDone) break;
      }
    }
    if (!isPublished) return;
    for (const { records } of landed)
      for (const record of records) {
        const { id, at } = JSON.parse(record as string) as Row;
        loaded.push(`${id} ${at}`);
      }
    const last = landed.at(-1);
    state = JSON.parse(
      JSON.stringify(stateAfterPages(options, window, last && memoryAfter(last))),
    ) as CursorState;
  };

  for (const [index, pause] of pauses.entries()) {
    pause.forEach((one) => server.apply(one));
    await run(publishes[index % publishes.length] ?? true, true);
  }
  // At last a quiet night.
  await run(true, false);
  return { loaded, server, movedInside, state };
}

/** Rows that the server has, in the version that it has, and the target has not. */
function lostOf({ loaded, server }: Outcome): Row[] {
  const known = new Set(loaded);
  return server.rows().filter(({ id, at }) => !known.has(`${id} ${at}`));
}

const doublesOf = ({ loaded }: Outcome): number => loaded.length - new Set(loaded).size;

/** What is missed is so old that the next run does not ask for it. */
function expectLateOnly({ lag }: History, outcome: Outcome): void {
  const oldest = Number(outcome.state?.cursor) / 1e9 - lag;
  expect(lostOf(outcome).filter(({ at }) => secondsOf(at) >= oldest)).toEqual([]);
}

const check = (property: (one: History) => Promise<void>) =>
  fc.assert(fc.asyncProperty(history, property), { numRuns: HISTORIES });

describe('reading by a cursor, over histories of changes, kills and failed runs', () => {
  it('with order: asc loses and doubles nothing, also where pages move, if a page has room for all rows of a time', async () => {
    let [moved, doubles, lost] = [0, 0, 0];
    await check(async (one) => {
      const outcome = await live(one, { ordered: true, calm: false });
      expectLateOnly(one, outcome);
      if (outcome.server.ties() >= one.pageRows) {
        doubles += doublesOf(outcome);
        lost += lostOf(outcome).length;
        return;
      }
      moved += outcome.movedInside > 0 ? 1 : 0;
      expect([lostOf(outcome), doublesOf(outcome)]).toEqual([[], 0]);
    });
    expect(moved).toBeGreaterThan(HISTORIES / 10);
    // The condition is needed.
    expect(Math.min(doubles, lost)).toBeGreaterThan(0);
  });

  it('without an order loses and doubles nothing as long as pages stand still while they are read', () =>
    check(async (one) => {
      const outcome = await live(one, { ordered: false, calm: true });
      expect([lostOf(outcome), doublesOf(outcome)]).toEqual([[], 0]);
    }));

  it('without an order doubles only where a row has moved, and misses only what is older than the lag', async () => {
    let [doubles, lost] = [0, 0];
    await check(async (one) => {
      const outcome = await live(one, { ordered: false, calm: false });
      if (outcome.movedInside === 0) expect([lostOf(outcome), doublesOf(outcome)]).toEqual([[], 0]);
      expectLateOnly(one, outcome);
      doubles += doublesOf(outcome);
      lost += lostOf(outcome).length;
    });
    // What `plan` says about it is needed.
    expect(Math.min(doubles, lost)).toBeGreaterThan(0);
  });
});
