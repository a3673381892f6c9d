/** Incremental reading of records by a cursor, through the engine into a table. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FlexetlError } from '../../pipeline/errors';
import { incrementalByCursor, type Bounds } from '../../plugin/incremental';
import { defineSource, type Source } from '../../plugin/source';
import { sqlite } from '../../targets/sqlite';
import type { Target } from '../../plugin/target';
import { makeFolder } from '../support/folder';
import { readTable } from '../support/project';
import { runPipeline, type RunOptions } from '../support/run-case';

const options = z.strictObject({
  columns: z.string().optional().describe('Which columns.'),
  incremental: incrementalByCursor.optional().describe('Only what is new.'),
});

interface Row {
  id: number;
  at: string | null;
}

function openFeed(incremental: string, target = 'mode: append') {
  const dir = makeFolder();
  const asked: Bounds[] = [];
  const feed = {
    rows: [] as Row[],
    /** The request of this number fails. */
    failsAt: -1,
  };
  const source = defineSource<z.infer<typeof options>>({
    kind: 'records',
    type: 'feed',
    description: 'Two rows a page.',
    options,
    incremental: (given) => given.incremental && { cursor: given.incremental.cursor },
    cursor: (given) => given.incremental,
    async *read(_, __, from, bounds = { start: '', end: '' }) {
      for (let page = Number(from ?? 0); ; page += 1) {
        if (asked.push(bounds) - 1 === feed.failsAt) throw new Error('down');
        const rows = feed.rows.filter(({ at }) => at === null || at >= bounds.start);
        const records = rows.slice(page * 2, page * 2 + 2).map((row) => ({ ...row }));
        const hasMore = rows.length > page * 2 + 2;
        yield { records, ...(hasMore && { next: page + 1 }) };
        if (!hasMore) return;
      }
    },
  });
  writeFileSync(
    join(dir, 'pipeline.yaml'),
    `version: '1.0'\npipeline:\n  name: p\n  source: { type: feed, incremental: { cursor: at, ${incremental} } }\n` +
      `  target: { type: sqlite, database: out.db, table: t, ${target} }\n`,
  );
  const sources = [source] as unknown as Source<unknown>[];
  const run = ({ plugins, ...more }: RunOptions = {}) =>
    runPipeline(dir, 'pipeline.yaml', { once: true, plugins: { sources, ...plugins }, ...more });
  return {
    asked,
    feed,
    run,
    async refusal(): Promise<FlexetlError> {
      const found = await run().catch((error: unknown) => error);
      if (found instanceof FlexetlError) return found;
      throw new Error(`no refusal, but ${String(found)}`);
    },
    rows: () => readTable(join(dir, 'out.db'), 't')?.map(([id, at]) => `${id} ${at}`),
  };
}

const DAY = "initial_value: '2026-01-01T00:00:00Z'";
const at = (seconds: number): string => `2026-01-01T00:00:0${seconds}Z`;

describe('an incremental source of records', () => {
  it('loads what is new, and rows of the same time that came later', async () => {
    const { feed, run, rows, asked } = openFeed(DAY);
    feed.rows = [1, 2, 3].map((id) => ({ id, at: at(id) }));
    await run();
    feed.rows.push({ id: 4, at: at(3) }, { id: 5, at: at(4) });
    const count = asked.length;
    expect(await run()).toMatchObject({ output: 2 });
    expect(asked[count]).toMatchObject({ start: at(3) });
    expect(rows()).toEqual(
      [1, 2, 3, 4, 5].map((id) => `${id} ${['', 1, 2, 3, 3, 4].map((s) => `2026-01-01 00:00:0${s}`)[id]}`),
    );
  });

  it('succeeds with 0 rows where nothing is new', async () => {
    const { feed, run, rows } = openFeed(DAY);
    feed.rows = [{ id: 1, at: at(1) }];
    await run({ runKey: 'monday' });
    const again = await run();
    expect(again).toMatchObject({ read: 0, output: 0 });
    expect(again.warnings[0]).toMatch(/0 rows now\. The last were loaded by run monday/);
    expect(rows()).toHaveLength(1);
  });

  it('reads late rows within the lag, and those only', async () => {
    const { feed, run, rows } = openFeed(`${DAY}, lag: 2`);
    feed.rows = [{ id: 1, at: at(5) }];
    await run();
    feed.rows.push({ id: 2, at: at(3) }, { id: 3, at: at(2) });
    await run();
    await run();
    expect(rows()?.map((row) => row.split(' ')[0])).toEqual(['1', '2']);
  });

  it('keeps its state as it was when the run fails, and goes on from landed pages with the same end', async () => {
    // The end has milliseconds.
    const { feed, run, rows, asked } = openFeed(DAY.replace('00Z', '00.000Z'));
    feed.rows = [{ id: 1, at: at(1) }];
    await run();
    feed.rows = [1, 2, 3, 4, 5].map((id) => ({ id, at: at(id) }));
    feed.failsAt = 3;
    await expect(run({ runKey: 'k' })).rejects.toThrow('down');
    expect(rows()).toHaveLength(1);
    await run({ runKey: 'k' });
    expect(rows()).toHaveLength(5);
    // The page that is landed was not asked for again.
    expect(asked).toHaveLength(5);
    expect(new Set(asked.slice(1).map(({ end }) => end)).size).toBe(1);
  });

  it('asks for steps, each with its bounds', async () => {
    const { feed, run, rows, asked } = openFeed(`${DAY}, end_value: '2026-01-01T00:00:05Z', step: 2`);
    feed.rows = [1, 2, 3, 4, 5, 6].map((id) => ({ id, at: at(id) }));
    await run();
    expect([...new Set(asked.map(({ start, end }) => `${start.slice(18)}${end.slice(18)}`))]).toEqual([
      '0Z2Z',
      '2Z4Z',
      '4Z5Z',
    ]);
    expect(rows()).toHaveLength(5);
  });

  it('knows numbers, exactly', async () => {
    const { feed, run, rows, asked } = openFeed('initial_value: 9007199254740990');
    const big = (at: string) => ({ id: 1, at }) as Row;
    feed.rows = [big('9007199254740993')];
    await run();
    feed.rows.push(big('9007199254740994'));
    await run();
    expect(asked.at(-1)).toEqual({ start: '9007199254740993', end: '' });
    expect(rows()).toEqual(['1 9007199254740993', '1 9007199254740994']);
  });

  it.each([
    ['fail', /Record 2 of a page .* has no at, the cursor/],
    ['skip', ['1']],
    ['include', ['1', '2']],
  ])('does with a null as on_null says: %s', async (on_null, expected) => {
    const { feed, run, refusal, rows } = openFeed(`${DAY}, on_null: ${on_null}`);
    feed.rows = [
      { id: 1, at: at(1) },
      { id: 2, at: null },
    ];
    if (expected instanceof RegExp) {
      expect(await refusal()).toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringMatching(expected) as string,
      });
      return;
    }
    await run();
    expect(rows()?.map((row) => row.split(' ')[0])).toEqual(expected);
  });

  it('refuses an order that the source does not keep', async () => {
    const { feed, refusal } = openFeed(`${DAY}, order: asc`);
    feed.rows = [
      { id: 1, at: at(2) },
      { id: 2, at: at(1) },
    ];
    expect(await refusal()).toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('ascending order of at') as string,
    });
  });

  it('is exact in a merge: a row that changed is updated', async () => {
    const { feed, run, rows } = openFeed(`${DAY}, lag: 9`, 'mode: merge, primary_key: [id]');
    feed.rows = [1, 2].map((id) => ({ id, at: at(id) }));
    await run();
    feed.rows[0] = { id: 1, at: at(4) };
    await run();
    expect(rows()?.sort()).toEqual(['1 2026-01-01 00:00:04', '2 2026-01-01 00:00:02']);
  });

  it('saves its state with the publish: killed before it the run is done again, after it it is done', async () => {
    for (const moment of ['before', 'after'] as const) {
      const { feed, run, rows } = openFeed(DAY);
      feed.rows = [{ id: 1, at: at(1) }];
      const open: typeof sqlite.open = (given, context) => {
        const whole = sqlite.open(given, context);
        return {
          ...whole,
          async publish(...args) {
            if (moment === 'after') await whole.publish(...args);
            throw new Error('killed');
          },
        };
      };
      const targets = [{ ...sqlite, open }] as unknown as Target<unknown>[];
      await expect(run({ plugins: { targets } })).rejects.toThrow('killed');
      expect(rows()?.length ?? 0).toBe(moment === 'after' ? 1 : 0);
      await run();
      expect(rows()).toHaveLength(1);
    }
  });
});
