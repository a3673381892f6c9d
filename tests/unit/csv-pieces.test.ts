/** Files of many megabytes, which are looked at in pieces: a record may lie across any two. */
import { createHash } from 'node:crypto';
import { csv } from '../../sources/csv';
import { createCut, cutRecord, dialectBytes } from '../../sources/csv/boundaries';
import { withDuckdb } from '../../runtime/duckdb';
import { landAll, openSandbox, readFast, readRecords, readRepaired } from '../support/source-sandbox';

const BYTES = 3_000_000;
const CUT_BYTES = 1_100_000;
const FIELDS = [
  'plain',
  '"quoted"',
  '"two\nlines, and ""more"""',
  '""',
  '"é🙂"',
  `"${'long '.repeat(3000)}"`,
  `"${'\n'.repeat(700)}"`,
];
const BROKEN = ['"open', 'one', '"a"b,2', '1,2,3'];

/** @param brokenEvery one line of so many is broken; 0: none */
function makeFile(newline: string, brokenEvery: number): Buffer {
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const lines = ['a,b'];
  for (let bytes = 0; bytes < BYTES;) {
    const broken = brokenEvery > 0 && random(brokenEvery) === 0;
    const fields = [FIELDS[random(random(40) === 0 ? 7 : 5)], FIELDS[random(5)]];
    const line = broken ? (BROKEN[random(4)] ?? '') : fields.join(',');
    bytes += line.length;
    lines.push(line);
  }
  return Buffer.from(`${lines.join('\n')}\n`.replaceAll('\n', newline));
}

/** Compared as one text: Jest takes seconds to compare long lists. */
const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

describe('a large CSV file', () => {
  const root = openSandbox();

  it.each([
    ['clean', '\n', 0],
    ['clean, with CRLF', '\r\n', 0],
    ['with broken records', '\n', 300],
    ['with broken records and CRLF', '\r\n', 300],
  ] as const)(
    'is cut at the first record end after the size, and read the same in every lane: %s',
    async (_title, newline, brokenEvery) => {
      const bytes = makeFile(newline, brokenEvery);
      const options = csv.options.parse({ path: root.write('large.csv', bytes), delimiter: ',' });
      const ends: number[] = [];
      const codes = dialectBytes({ delimiter: ',', quote: '"', escape: '"', newline });
      for (let at = 0; at < bytes.length; ends.push(at)) at = cutRecord(bytes, at, true, codes, createCut());

      const source = csv.open(options, root.freshRun().context);
      const { survey, partitions } = await landAll(source, CUT_BYTES);
      expect(partitions.length).toBeGreaterThan(2);
      for (const { start, end } of partitions) {
        expect(end).toBe(ends.find((one) => one >= start + CUT_BYTES) ?? bytes.length);
      }
      const whole = csv.open(options, root.freshRun().context);
      const landing = await landAll(whole, Number.MAX_SAFE_INTEGER);
      const records = await readRecords(whole, landing.survey, landing.partitions);
      expect(digest(records.map(({ byteOffset }) => byteOffset))).toBe(digest(ends.slice(0, -1)));
      const places = (list: typeof records): unknown => list.map(({ ordinal: _, ...record }) => record);
      const cut = await readRecords(source, survey, partitions);
      expect(digest(places(cut))).toBe(digest(places(records)));

      await withDuckdb({ dir: root.dir, memoryMb: 300, threads: 2 }, async (db) => {
        const good = records.flatMap(({ values }) => (values ? [values] : []));
        const rows: unknown[] = [];
        for (const partition of partitions) {
          const fast = brokenEvery === 0 ? await readFast(db, source, survey, partition) : undefined;
          const { rows: repaired } = await readRepaired(db, source, survey, partition);
          if (brokenEvery === 0) expect(digest(fast)).toBe(digest(repaired));
          rows.push(...repaired);
        }
        expect(digest(rows)).toBe(digest(good));
      });
    },
  );
});
