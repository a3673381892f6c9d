/** The laws of targets, over whatever target is given: each is checked in a project of its own. */
import { match, ok, rejects, strictEqual } from 'node:assert';
import { setImmediate as breathe } from 'node:timers/promises';
import { BOOLEAN, DATE, decimal, FLOAT, INTEGER, STRING, TIMESTAMP, type Schema } from '../../pipeline/types';
import type { LoadKey, Part, Published } from '../../plugin/target';
import { makePart, queryPart, slicePart, type TextRow } from './parts';
import { STATE_LAWS } from './state-laws';
import {
  assertSame,
  createProbe,
  KEY,
  NEW,
  OLD,
  OTHER_KEY,
  SCHEMA,
  type Mode,
  type Probe,
  type TargetCase,
} from './target-probe';

const MANY = 400_000;

const VALUES: Schema = [
  { name: 'date', type: DATE },
  { name: 'a "b" c', type: STRING },
  { name: 'select', type: INTEGER },
  { name: 'ratio', type: FLOAT },
  { name: 'flag', type: BOOLEAN },
  { name: 'seen', type: TIMESTAMP },
  { name: 'price', type: decimal(15, 2) },
  { name: 'wide', type: decimal(38, 4) },
];
const VALUE_ROWS: TextRow[] = [
  // prettier-ignore
  ['2026-01-01', 'plain', '9223372036854775807', '0.1', 'true', '2026-01-01 00:00:00', '1.05', '9999999999999999999999999999999999.9999'],
  // prettier-ignore
  ['0001-01-01', 'nul \0 in', '-9223372036854775808', '1.7976931348623157e+308', 'false', '0001-01-01 00:00:00.000001', '-9999999999999.99', '-9999999999999999999999999999999999.9999'],
  // prettier-ignore
  ['9999-12-31', 'emoji 👩‍🚀 ünï', '9007199254740993', '5e-324', 'true', '9999-12-31 23:59:59.999999', '0.01', '0.0001'],
  // prettier-ignore
  ['1969-12-31', '2026-01-01', '0', '-2.5', 'false', '1969-12-31 23:59:59.500000', '8.7', '1234567890123456789012345678901234.5'],
  [null, null, null, null, null, null, null, null],
  // prettier-ignore
  ['2024-02-29', 'x'.repeat(300_000), '-1', '3.5', 'true', '2024-02-29 12:30:00', '1234567890123.45', '0'],
  ['2024-02-29', '', '1', '1e+21', 'true', '2024-02-29 12:30:00', '-0.01', '-0.5'],
];

export const TARGET_LAWS = {
  'a check changes nothing': async ({ open, untouched }) => {
    await open().check(SCHEMA);
    ok(await untouched());
  },
  'a retry of a load adds nothing': async ({ load, publish, assertRows }) => {
    strictEqual(await load(NEW), 2);
    strictEqual(await load(NEW), 2);
    await publish();
    await assertRows(NEW);
  },
  'of several attempts at once one writes': async ({ load, publish, assertRows }) => {
    assertSame(await Promise.all([load(NEW), load(NEW), load(NEW)]), [2, 2, 2]);
    await publish({ rows: 2 });
    await assertRows(NEW);
  },
  'a late attempt changes nothing, and other rows under a published key are refused': async (probe) => {
    const { load, publish, assertRows } = probe;
    await load(NEW);
    await publish();
    strictEqual(await load(NEW), 2);
    await assertRows(NEW);
    await rejects(load(OLD, { part: 9 }), { code: 'ROWS_UNBALANCED' });
  },
  'publishing twice is publishing once': async ({ publishOld, load, publish, assertRows }) => {
    await publishOld();
    await load(NEW, { mode: 'append' });
    const first = await publish({ mode: 'append' });
    assertSame(await publish({ mode: 'append' }), first);
    await assertRows([...OLD, ...NEW]);
  },
  'readers see the table before a publish or after it': async (probe) => {
    await probe.publishOld();
    await probe.load(NEW);
    await probe.assertRows(OLD);
    let done = false;
    const publishing = probe.publish().finally(() => (done = true));
    while (!done) {
      const found = await probe.read();
      ok(
        found !== null && [OLD.length, NEW.length].includes(found.length),
        `a reader saw ${found?.length} rows`,
      );
      await breathe();
    }
    await publishing;
    await probe.assertRows(NEW);
  },
  'no parts publish an empty table': async ({ publishOld, publish, assertRows }) => {
    await publishOld();
    assertSame(await publish({ rows: 0 }), { rows: 0, inserted: 0, updated: 0 });
    await assertRows([]);
  },
  'discard removes what is not published, and nothing else': async (probe) => {
    const { open, publishOld, load, publish, assertRows, leftovers } = probe;
    await open().discard(KEY);
    await publishOld();
    await load(NEW);
    ok((await leftovers()).length > 0, 'a load leaves no trace');
    for (const key of [KEY, KEY, OTHER_KEY]) await open().discard(key);
    assertSame(await leftovers(), []);
    await assertRows(OLD);
    await load(NEW);
    await publish({ rows: 2 });
    assertSame(await leftovers(), []);
    await assertRows(NEW);
  },
  'another number of rows than was loaded is not published': async (probe) => {
    await probe.publishOld();
    await probe.load(NEW);
    await rejects(probe.publish({ rows: 3 }), { code: 'ROWS_UNBALANCED' });
    await probe.assertRows(OLD);
  },
  'what publish counts is what another reader finds': async ({ publishOld, load, publish, assertRows }) => {
    await publishOld();
    await load(NEW, { mode: 'append' });
    await load(NEW, { mode: 'append', part: 1 });
    assertSame(await publish({ mode: 'append' }), { rows: 4, inserted: 4, updated: 0 });
    await assertRows([...OLD, ...NEW, ...NEW]);
  },
  'each mode does what it says': async ({ modes, publishOld, load, publish, assertRows }) => {
    const changed: TextRow[] = [
      ['1', 'changed'],
      ['4', null],
    ];
    const expected: Record<Mode, [TextRow[], Published]> = {
      replace: [changed, { rows: 2, inserted: 2, updated: 0 }],
      append: [[...changed, ...changed], { rows: 2, inserted: 2, updated: 0 }],
      merge: [changed, { rows: 2, inserted: 0, updated: 2 }],
    };
    for (const mode of modes) {
      await publishOld({ ...OTHER_KEY, runKey: `old ${mode}` });
      if (mode === 'merge') {
        await load(OLD, { mode, key: { ...KEY, runKey: 'same' } });
        const published = await publish({ mode, key: { ...KEY, runKey: 'same' } });
        assertSame(published, { rows: 1, inserted: 0, updated: 1 });
      } else {
        await load(changed, { mode: 'replace', key: { ...KEY, runKey: `first ${mode}` } });
        await publish({ mode: 'replace', key: { ...KEY, runKey: `first ${mode}` } });
      }
      const key = { ...KEY, runKey: mode };
      await load(changed, { mode, key });
      const [rows, published] = expected[mode];
      if (mode === 'merge') {
        assertSame(await publish({ mode, key }), { rows: 2, inserted: 1, updated: 1 });
        await load(changed, { mode, key: { ...KEY, runKey: 'again' } });
        assertSame(await publish({ mode, key: { ...KEY, runKey: 'again' } }), published);
      } else assertSame(await publish({ mode, key }), published);
      await assertRows(rows);
    }
  },
  'merge takes the last row of a key in the order of records, counts the others, and refuses a null': async (
    probe,
  ) => {
    if (!probe.modes.includes('merge')) return;
    await probe.publishOld();
    const mode = 'merge';
    await probe.load([[null, 'a']], { mode });
    await rejects(probe.publish({ mode }), { code: 'KEY_INVALID' });
    await probe.assertRows(OLD);
    const key = { ...KEY, runKey: 'two rows' };
    const first: TextRow[] = ['1', '2', '1', '7', '2'].map((id, at) => [id, `first ${at}`]);
    const second: TextRow[] = ['2', '5', '5'].map((id, at) => [id, `second ${at}`]);
    // The order of parts counts, not that of their loads.
    await probe.load(second, { mode, key, part: 1 });
    await probe.load(first, { mode, key });
    const published = { rows: 8, inserted: 3, updated: 1, deduplicated: 4 };
    assertSame(await probe.publish({ mode, key, rows: 8 }), published);
    assertSame(await probe.publish({ mode, key, rows: 8 }), published);
    await probe.assertRows(
      ['1:first 2', '7:first 3', '2:second 0', '5:second 2'].map((row) => row.split(':')),
    );
  },
  'every value of every type is kept exactly': async ({ lacksNul, load, publish, assertRows }) => {
    const withoutNul = VALUE_ROWS.map((row) => row.map((text) => text?.replace('\0', '\t\r\n\\.\n') ?? text));
    const rows = lacksNul ? withoutNul : VALUE_ROWS;
    if (lacksNul) {
      const found = load(VALUE_ROWS, { schema: VALUES });
      await rejects(found, {
        code: 'TARGET_INCOMPATIBLE',
        message: /"a "b" c" has a NUL .* in row 2 of part 0/,
      });
    }
    strictEqual(await load(rows, { schema: VALUES }), rows.length);
    await publish({ schema: VALUES });
    await assertRows(rows, VALUES);
  },
  'parts stand in their order, whatever order they are loaded in': async (probe) => {
    const rows: TextRow[] = Array.from({ length: 200 }, (_, id) => [id % 3 ? `${id}` : null, `n${id}`]);
    const whole = await makePart(SCHEMA, rows);
    const cuts = [0, 1, 7, 120, 199, 200];
    for (const part of [3, 0, 4, 1, 2]) {
      const [start = 0, end = 0] = cuts.slice(part, part + 2);
      await probe.open().load(KEY, slicePart(whole, start, end - start, part));
    }
    await probe.publish({ rows: 200 });
    await probe.assertRows(rows);
  },
  'a load is fresh, then resumed, and after that published, with its rows and its time': async (probe) => {
    const { begin, load, publish, assertRows } = probe;
    strictEqual((await begin()).answer, 'fresh');
    await load(NEW);
    strictEqual((await begin()).answer, 'resume');
    strictEqual(await load(NEW), 2);
    await publish({ rows: 2 });
    const found = await begin();
    ok(found.answer === 'published', `it answered ${found.answer}`);
    const { publishedAt, rows, runKey, digest, content } = found.load;
    assertSame({ rows, runKey, digest, content }, { rows: 2, ...pick(KEY) });
    match(publishedAt, /^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
    await assertRows(NEW);
  },
  'a load under another plan is stale, it is removed and not continued': async (probe) => {
    const { begin, load, publish, assertRows, leftovers } = probe;
    await load(OLD);
    await load(OLD, { part: 1 });
    const key = { ...KEY, plan: 'other parts' };
    strictEqual((await begin(key)).answer, 'stale');
    assertSame(await leftovers(), []);
    strictEqual((await begin(key)).answer, 'fresh');
    await load(NEW, { key });
    // An attempt of the old plan that is late changes nothing.
    await load(OLD, { part: 1 }).catch(() => undefined);
    await publish({ key, rows: 2 });
    await assertRows(NEW);
    await begin(key);
    assertSame(await leftovers(), []);
  },
  'a run key belongs to what it has published, anything else is refused': async (probe) => {
    const { begin, load, publish, assertRows } = probe;
    await load(NEW);
    await publish();
    const key = { ...KEY, digest: 'other rows', plan: 'other parts', content: 'data/other.csv' };
    const found = await begin(key, true);
    ok(found.answer === 'reused', `it answered ${found.answer}`);
    assertSame(pick(found.load), pick(KEY));
    await rejects(load(OLD, { key }), { code: 'KEY_REUSED' });
    const both = /data\/in\.csv.*data\/other\.csv/;
    await rejects(publish({ key }), (error: Error) => both.test(error.message));
    await assertRows(NEW);
  },
  'the same rows are known under another run key, as long as the target has them': async (probe) => {
    const { begin, load, publish, publishOld } = probe;
    await load(NEW, { mode: 'append' });
    await publish({ mode: 'append' });
    const key = { ...KEY, runKey: 'run-2', plan: 'other parts' };
    strictEqual((await begin(key)).answer, 'fresh');
    const found = await begin(key, true);
    ok(found.answer === 'published' && found.load.runKey === KEY.runKey, `it answered ${found.answer}`);
    strictEqual((await begin({ ...key, digest: 'other rows' }, true)).answer, 'fresh');
    strictEqual((await begin({ ...key, pipeline: 'q' }, true)).answer, 'fresh');
    await publishOld({ ...OTHER_KEY, digest: 'old rows' });
    strictEqual((await begin(key, true)).answer, 'fresh');
  },
  'a published load counts only as long as there is the table': async (probe) => {
    const { begin, load, publish, dropTable, assertRows } = probe;
    await load(NEW);
    await publish();
    await dropTable();
    strictEqual((await begin({ ...KEY, runKey: 'run-2' }, true)).answer, 'fresh');
    strictEqual((await begin()).answer, 'fresh');
    await load(NEW);
    await publish({ rows: 2 });
    await assertRows(NEW);
  },
  'what other runs of the pipeline have left goes when a load begins, what others have does not': async (
    probe,
  ) => {
    const { begin, load, publish, leftovers } = probe;
    await load(OLD, { key: { ...KEY, runKey: 'terminated' } });
    const others = [
      { ...KEY, pipeline: 'q' },
      { ...KEY, project: 'another' },
    ];
    for (const key of others) await load(NEW, { key });
    const before = (await leftovers()).length;
    strictEqual((await begin()).answer, 'fresh');
    ok((await leftovers()).length < before, 'the load of the terminated run is still there');
    for (const key of others) {
      strictEqual((await begin(key)).answer, 'resume');
      strictEqual((await publish({ key, rows: 2 })).rows, 2);
    }
    assertSame(await leftovers(), []);
  },
  ...STATE_LAWS,
  'a cancelled load ends within a second and leaves no rows': async (probe) => {
    const controller = new AbortController();
    let abortedMs = 0;
    const abort = (): void => {
      abortedMs ||= performance.now();
      controller.abort();
    };
    const part = await queryPart(
      SCHEMA,
      `SELECT range AS id, 'n' || range AS name FROM range(${MANY})`,
      MANY,
    );
    // A target without progress takes the file itself: then the moment is when it asks for its path.
    const watched: Part = {
      ...part,
      get path() {
        if (probe.lane === 'file') setImmediate(abort);
        return part.path;
      },
    };
    const found = await probe
      .open('replace', { signal: controller.signal, progress: abort })
      .load(KEY, watched)
      .then(
        () => 'loaded',
        () => 'failed',
      );
    ok(abortedMs > 0, 'it reported no progress');
    ok(performance.now() - abortedMs < 1000, 'it took more than a second');
    ok(found === 'failed', 'it went on');
    strictEqual(await probe.load(OLD), 1);
  },
} satisfies Record<string, (probe: Probe) => Promise<void>>;

export type TargetLaw = keyof typeof TARGET_LAWS;

/** @returns the laws that a target breaks, each with what was found */
export async function brokenTargetLaws(
  given: TargetCase,
  laws = Object.keys(TARGET_LAWS) as TargetLaw[],
): Promise<string[]> {
  const broken: string[] = [];
  for (const law of laws) {
    await TARGET_LAWS[law](createProbe(given)).catch((error: unknown) => {
      broken.push(`${law}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  return broken;
}

function pick({ runKey, digest, content }: Pick<LoadKey, 'runKey' | 'digest' | 'content'>) {
  return { runKey, digest, content };
}
