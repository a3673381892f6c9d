/** One suite for every target: the contract of `Target`, and conservation, visibility, no doubles, exact numbers. */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import fc from 'fast-check';
import type { LoadKey, OpenTarget, Published, Target } from '../../plugin/target';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import { targets } from '../../targets';
import { makeFolder } from '../support/folder';
import { contextOf, makePart, queryPart, slicePart, type TextRow } from '../support/parts';
import { TARGET_FIXTURES, type TargetFixture } from './target-fixtures';

const SCHEMA: Schema = [
  { name: 'id', type: INTEGER },
  { name: 'name', type: STRING },
];
const OLD: TextRow[] = [['1', 'old']];
const NEW: TextRow[] = [
  ['2', 'new'],
  ['3', null],
];
const MANY = `SELECT range AS id, 'name ' || range AS name FROM range(1000000)`;
const KEY: LoadKey = { pipeline: 'p', runKey: 'run-1', target: '0:t' };

describe.each(targets.map((target) => [target.type, target as unknown as Target<unknown>] as const))(
  'target %s',
  (type, target) => {
    const fixture = TARGET_FIXTURES[type] as TargetFixture;
    let dir: string;
    beforeEach(() => (dir = makeFolder()));

    const open = (mode: 'replace' | 'append' = 'replace', signal?: AbortSignal): OpenTarget =>
      target.open(optionsOf(mode), contextOf(dir, signal));
    const optionsOf = (mode: 'replace' | 'append' = 'replace'): unknown =>
      target.options.parse(fixture.options(mode));
    const load = async (
      rows: TextRow[],
      { key = KEY, part = 0, mode = 'replace', schema = SCHEMA, signal }: LoadParts = {},
    ): Promise<{ rows: number }> => open(mode, signal).load(key, await makePart(schema, rows, part));
    const publish = (
      { key = KEY, mode = 'replace', schema = SCHEMA }: LoadParts = {},
      expected?: number,
    ): Promise<Published> => open(mode).publish(key, schema, expected);
    const publishOld = async (): Promise<void> => {
      const key = { ...KEY, runKey: 'run-0' };
      await load(OLD, { key });
      await publish({ key });
    };

    it('describes itself', () => {
      expect(target.name(optionsOf())).toContain('t.db');
      expect(target.mode(optionsOf('append'))).toBe('append');
      expect(target.guarantee(optionsOf())).toMatch(/\.$/);
      expect(target.options.safeParse({ ...fixture.options('replace'), surprise: 1 }).success).toBe(false);
    });

    it('keeps every value of every type', async () => {
      const schema: Schema = [
        { name: 'date', type: DATE },
        { name: 'a "b" c', type: STRING },
        { name: 'select', type: INTEGER },
        { name: 'ratio', type: FLOAT },
        { name: 'flag', type: BOOLEAN },
        { name: 'seen', type: TIMESTAMP },
        { name: 'price', type: decimal(15, 2) },
      ];
      const rows: TextRow[] = [
        ['2026-01-01', 'plain', '9223372036854775807', '0.1', 'true', '2026-01-01 00:00:00', '1.05'],
        [
          '0001-01-01',
          'nul \0 in',
          '-9223372036854775808',
          '1.7976931348623157e+308',
          'false',
          '0001-01-01 00:00:00.000001',
          '-9999999999999.99',
        ],
        [
          '9999-12-31',
          'emoji 👩‍🚀 ünï',
          '9007199254740993',
          '5e-324',
          'true',
          '9999-12-31 23:59:59.999999',
          '0.01',
        ],
        ['1969-12-31', '2026-01-01', '0', '-2.5', 'false', '1969-12-31 23:59:59.500000', '8.7'],
        [null, null, null, null, null, null, null],
        ['2024-02-29', 'x'.repeat(300_000), '-1', '3.5', 'true', '2024-02-29 12:30:00', '1234567890123.45'],
        ['2024-02-29', '', '1', '1e+21', 'true', '2024-02-29 12:30:00', '-0.01'],
      ];
      expect(await load(rows, { schema })).toEqual({ rows: rows.length });
      await publish({ schema }, rows.length);
      expect(fixture.read(dir, schema)).toEqual(rows);
    });

    it('keeps decimals of any size exactly', async () => {
      const schema: Schema = [{ name: 'n', type: decimal(38, 4) }];
      const digits = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n });
      await fc.assert(
        fc.asyncProperty(fc.array(digits, { minLength: 1, maxLength: 20 }), async (values) => {
          const texts = values.map(format4);
          const key = { ...KEY, runKey: String(values) };
          await load([['12.5000']], { schema, key, part: 0 });
          await load(
            texts.map((text) => [text]),
            { schema, key, part: 1 },
          );
          await publish({ schema, key });
          const found = fixture.read(dir, schema)?.map(([text]) => normalise(text ?? ''));
          expect(found).toEqual(['12.5', ...texts.map(normalise)]);
        }),
        { numRuns: 5 },
      );
    });

    it('takes rows in any number of parts, cut anywhere', async () => {
      const rows: TextRow[] = Array.from({ length: 200 }, (_, i) => [
        i % 3 ? String(i) : null,
        i % 4 ? `n${i}` : null,
      ]);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 5 }), async (cuts) => {
          const ends = [...new Set([0, ...cuts, 200])].sort((a, b) => a - b);
          const whole = await makePart(SCHEMA, rows);
          const key = { ...KEY, runKey: String(cuts) };
          for (const [index, end] of ends.slice(1).entries()) {
            const start = ends[index] ?? 0;
            await open().load(key, slicePart(whole, start, end - start, index));
          }
          await publish({ key }, 200);
          expect(fixture.read(dir, SCHEMA)).toEqual(rows);
        }),
        { numRuns: 5 },
      );
    });

    it('gives the same table in whatever order its parts are loaded', async () => {
      const parts: TextRow[][] = [0, 1, 2, 3].map((part) => [0, 1, 2].map((row) => [String(part), `${row}`]));
      await fc.assert(
        fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), async (order) => {
          const key = { ...KEY, runKey: String(order) };
          for (const part of order) await load(parts[part] ?? [], { key, part });
          await publish({ key }, 12);
          expect(fixture.read(dir, SCHEMA)).toEqual(parts.flat());
        }),
        { numRuns: 6 },
      );
    });

    it('writes a part once, however often and however much at once it is loaded', async () => {
      const attempts = await Promise.all([load(NEW), load(NEW), load(NEW)]);
      expect(attempts).toEqual([{ rows: 2 }, { rows: 2 }, { rows: 2 }]);
      expect(await load(NEW)).toEqual({ rows: 2 });
      await publish({}, 2);
      expect(fixture.read(dir, SCHEMA)).toEqual(NEW);
    });

    it('loads parts at the same time', async () => {
      const loads = [0, 1, 2].map((part) => load([[String(part), null]], { part }));
      expect(await Promise.all(loads)).toEqual([{ rows: 1 }, { rows: 1 }, { rows: 1 }]);
      expect(await publish({}, 3)).toEqual({ rows: 3, inserted: 3, updated: 0 });
    });

    it('shows nothing before publish, and everything after', async () => {
      await publishOld();
      await load(NEW);
      expect(fixture.read(dir, SCHEMA)).toEqual(OLD);
      await publish();
      expect(fixture.read(dir, SCHEMA)).toEqual(NEW);
    });

    it('publishes a key once', async () => {
      await load(NEW, { mode: 'append' });
      expect(await publish({ mode: 'append' })).toEqual({ rows: 2, inserted: 2, updated: 0 });
      expect(await load(NEW, { mode: 'append' })).toEqual({ rows: 2 });
      expect(await publish({ mode: 'append' })).toEqual({ rows: 2, inserted: 2, updated: 0 });
      expect(fixture.read(dir, SCHEMA)).toEqual(NEW);
      await expect(load(OLD, { part: 9 })).rejects.toMatchObject({ code: 'ROWS_UNBALANCED' });
    });

    it('appends to what is there', async () => {
      await publishOld();
      await load(NEW, { mode: 'append' });
      await publish({ mode: 'append' });
      expect(fixture.read(dir, SCHEMA)).toEqual([...OLD, ...NEW]);
    });

    it('publishes an empty table for a run without rows', async () => {
      await publishOld();
      expect(await publish({}, 0)).toEqual({ rows: 0, inserted: 0, updated: 0 });
      expect(fixture.read(dir, SCHEMA)).toEqual([]);
    });

    it('publishes nothing when it holds another number of rows than were loaded', async () => {
      await publishOld();
      await load(NEW);
      await expect(publish({}, 3)).rejects.toMatchObject({ code: 'ROWS_UNBALANCED' });
      expect(fixture.read(dir, SCHEMA)).toEqual(OLD);
    });

    it('discards what is not published, and nothing else', async () => {
      await open().discard(KEY);
      expect(fixture.isUntouched(dir)).toBe(true);
      await publishOld();
      await load(NEW);
      await open().discard(KEY);
      await open().discard(KEY);
      await open().discard({ ...KEY, runKey: 'run-0' });
      expect(fixture.read(dir, SCHEMA)).toEqual(OLD);
      await load(NEW);
      await publish({}, 2);
      expect(fixture.read(dir, SCHEMA)).toEqual(NEW);
    });

    it('checks without making anything', async () => {
      await open().check(SCHEMA);
      expect(fixture.isUntouched(dir)).toBe(true);
    });

    it('ends within a second of cancellation and leaves no rows', async () => {
      const controller = new AbortController();
      const context = { ...contextOf(dir, controller.signal), progress: () => controller.abort() };
      const part = await queryPart(SCHEMA, MANY, 1_000_000);
      const loading = target.open(optionsOf(), context).load(KEY, part);
      controller.signal.addEventListener('abort', () => (abortedMs = performance.now()));
      let abortedMs = 0;
      await expect(loading).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(performance.now() - abortedMs).toBeLessThan(1000);
      await expect(load(NEW, { signal: controller.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
      await load(OLD);
      await publish({}, 1);
      expect(fixture.read(dir, SCHEMA)).toEqual(OLD);
    });

    it('fails a load whose rows cannot be read, and leaves no rows', async () => {
      const lost = { ...(await makePart(SCHEMA, NEW)), path: join(dir, 'lost.parquet') };
      await expect(open().load(KEY, lost)).rejects.toThrow('lost.parquet');
      expect(await load(OLD)).toEqual({ rows: 1 });
    });

    it('does its writing off the event loop', async () => {
      const part = await queryPart(SCHEMA, MANY, 1_000_000);
      await load(NEW, { key: { ...KEY, runKey: 'warm' } });
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      await open().load(KEY, slicePart(part, 0, 100_000));
      await publish({}, 100_000);
      delay.disable();
      // The promise is 100 ms; what is measured here includes the test runner's own pauses.
      expect(delay.max / 1e6).toBeLessThan(200);
    });
  },
);

interface LoadParts {
  key?: LoadKey;
  part?: number;
  mode?: 'replace' | 'append';
  schema?: Schema;
  signal?: AbortSignal;
}

/** Ten thousandths as a decimal of scale 4. */
function format4(value: bigint): string {
  const digits = String(value < 0n ? -value : value).padStart(5, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

function normalise(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
