import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { csv } from '../../sources/csv';
import {
  csvOptions,
  dirtyCsv,
  knownCsv,
  openSandbox,
  readCareful,
  readFast,
  surveyAndPlan,
  type Values,
} from '../support/dirty-csv';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);
const root = openSandbox();

const withSession = (work: (db: Duckdb) => Promise<void>): Promise<void> =>
  withDuckdb({ dir: root.dir, memoryMb: 200, threads: 2 }, work);

const WHOLE = Number.MAX_SAFE_INTEGER;

/** Ordinary files, which the fast lane must not refuse. */
const ORDINARY: [string, string | Buffer, Record<string, unknown>, Values[]][] = [
  [
    'LF with quoted breaks',
    'a,b\n1,"x\r\ny"\n2,"q ""z"" "\n',
    {},
    [
      ['1', 'x\r\ny'],
      ['2', 'q "z" '],
    ],
  ],
  [
    'CRLF with quoted LF',
    'a,b\r\n"1\n",x\r\n2,y\r\n',
    {},
    [
      ['1\n', 'x'],
      ['2', 'y'],
    ],
  ],
  [
    'CR',
    'a,b\r1,x\r2,y',
    {},
    [
      ['1', 'x'],
      ['2', 'y'],
    ],
  ],
  ['a BOM and no final newline', '\ufeffa,b\n1,x', {}, [['1', 'x']]],
  ['no quoting', 'a\tb\n"1\t"x"\n', { quote: '' }, [['"1', '"x"']]],
  ['a backslash escape', 'a,b\n1,"x \\"y\\" \\\\"\n', { escape: '\\' }, [['1', 'x "y" \\']]],
  ['blank lines', 'a,b\n\n1,x\n\n', {}, [['1', 'x']]],
  ['an empty line in one column', 'a\n1\n\n2\n', {}, [['1'], [null], ['2']]],
  ['surplus delimiters at the end', 'a,b\n1,x,,\n', {}, [['1', 'x']]],
  ['blanks around quotes', 'a,b\n "1" , "x,y" \n', { delimiter: ',' }, [['1', 'x,y']]],
  [
    'other nulls',
    'a,b\nNA,"NA"\n,N\n',
    { null_values: ['NA'] },
    [
      [null, null],
      ['', 'N'],
    ],
  ],
  ['trimmed values', 'a,b\n 1 ,"\t"\n', { trim: true }, [['1', null]]],
  ['names that SQL must quote', `"a ""b""",it's\n1,x\n`, {}, [['1', 'x']]],
  ['lines to skip', 'by "till" 5\n\na,b\n1,x\n', { skip_rows: 2 }, [['1', 'x']]],
  ['gzip', gzipSync('a,b\n1,x\n'), {}, [['1', 'x']]],
];

describe('the two lanes of the CSV source', () => {
  it.each(ORDINARY)('both read ordinary files: %s', async (_title, bytes, given, rows) => {
    await withSession(async (db) => {
      const sandbox = root.freshRun();
      const options = csvOptions({ path: sandbox.write('ordinary.csv', bytes), ...given });
      for (const chunkBytes of [WHOLE, 1]) {
        const { survey, chunks } = await surveyAndPlan(options, chunkBytes, sandbox);
        const records = await readCareful(options, survey, chunks, sandbox);
        expect(records.map(({ values, reason }) => values ?? reason)).toEqual(rows);
        const fast = await Promise.all(chunks.map((chunk) => readFast(db, options, survey, chunk, sandbox)));
        expect(fast.flat()).toEqual(rows);
      }
    });
  });

  it('fails in DuckDB, whatever is asked, where DuckDB would accept what is no record', async () => {
    await withSession(async (db) => {
      for (const bad of [
        '"x" "y",1',
        Buffer.from([0xff, 44, 49]),
        'x\0,1',
        'x,1,2',
        'x',
        '"x,1',
        'x,1\ry,2',
      ]) {
        const sandbox = root.freshRun();
        const file = Buffer.concat([Buffer.from('a,b\n0,0\n'), Buffer.from(bad), Buffer.from('\n2,2\n')]);
        const options = csvOptions({ path: sandbox.write('bad.csv', file) });
        const { survey, chunks } = await surveyAndPlan(options, WHOLE, sandbox);
        for (const chunk of chunks) {
          const { sql, sound } = await csv.relation(options, survey, chunk, sandbox.tools);
          if (!(await sound)) continue;
          await expect(db.all(`SELECT count(*) FROM ${sql}`)).rejects.toThrow();
          await expect(db.all(`SELECT b FROM ${sql}`)).rejects.toThrow();
        }
      }
    });
  });

  it('read the rows, lines, record numbers and offsets of any clean file, in one chunk and in many', async () => {
    await withSession((db) =>
      fc.assert(
        fc.asyncProperty(knownCsv, fc.integer({ min: 1, max: 80 }), async (file, chunkBytes) => {
          const sandbox = root.freshRun();
          const options = csvOptions({ path: sandbox.write('known.csv', file.bytes), ...file.options });
          for (const bytes of [WHOLE, chunkBytes]) {
            const { survey, chunks } = await surveyAndPlan(options, bytes, sandbox);
            const records = await readCareful(options, survey, chunks, sandbox);
            expect(records).toEqual(file.rows.map((values, index) => ({ ...file.places[index], values })));
            const fast: Values[] = [];
            for (const chunk of chunks) {
              const rows = await readFast(db, options, survey, chunk, sandbox);
              // The fast lane may refuse (mixed line breaks); it may never read something else.
              fast.push(
                ...(rows ??
                  (await readCareful(options, survey, [chunk], sandbox)).map(({ values }) => values ?? [])),
              );
            }
            expect(fast).toEqual(file.rows);
          }
        }),
        { numRuns: RUNS },
      ),
    );
  });

  it('never contradict each other, whatever the bytes', async () => {
    let accepted = 0;
    await withSession((db) =>
      fc.assert(
        fc.asyncProperty(dirtyCsv, fc.integer({ min: 1, max: 64 }), async (file, chunkBytes) => {
          const sandbox = root.freshRun();
          const options = csvOptions({ path: sandbox.write('dirty.csv', file.bytes), ...file.options });
          for (const bytes of [WHOLE, chunkBytes]) {
            const plan = await surveyAndPlan(options, bytes, sandbox).catch(() => undefined);
            if (!plan) return;
            for (const chunk of plan.chunks) {
              const rows = await readFast(db, options, plan.survey, chunk, sandbox);
              if (!rows) continue;
              accepted++;
              const records = await readCareful(options, plan.survey, [chunk], sandbox);
              expect(rows).toEqual(records.map(({ values, reason }) => values ?? reason));
            }
          }
        }),
        { numRuns: RUNS * 2 },
      ),
    );
    expect(accepted).toBeGreaterThan(RUNS / 4);
  });

  it('give the same records, good and broken, for every size of chunk', async () => {
    await fc.assert(
      fc.asyncProperty(dirtyCsv, fc.integer({ min: 1, max: 64 }), async (file, chunkBytes) => {
        const sandbox = root.freshRun();
        const options = csvOptions({ path: sandbox.write('cut.csv', file.bytes), ...file.options });
        const whole = await surveyAndPlan(options, WHOLE, sandbox).catch(() => undefined);
        if (!whole) return;
        const cut = await surveyAndPlan(options, chunkBytes, sandbox);
        expect(cut.chunks.at(-1)?.end).toBe(whole.chunks.at(-1)?.end);
        const expected = await readCareful(options, whole.survey, whole.chunks, sandbox);
        expect(await readCareful(options, cut.survey, cut.chunks, root.freshRun())).toEqual(expected);
        // Any one chunk by itself knows where it is.
        const last = cut.chunks.slice(-1);
        const alone = await readCareful(options, cut.survey, last, root.freshRun());
        expect(alone).toEqual(alone.length === 0 ? [] : expected.slice(-alone.length));
      }),
      { numRuns: RUNS },
    );
  });
});
