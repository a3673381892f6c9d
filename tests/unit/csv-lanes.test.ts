import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { withDuckdb, type Duckdb } from '../../runtime/duckdb';
import { csv } from '../../sources/csv';
import { knownCsv } from '../support/dirty-csv';
import { makeMemoryFolder } from '../support/folder';
import {
  landAll,
  openSandbox,
  readFast,
  readRecords,
  readRepaired,
  type Sandbox,
  type Values,
} from '../support/source-sandbox';
import type { OpenSource } from '../../plugin/source';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);
const SEED = Number(process.env['PROPERTY_SEED'] ?? 11);
const root = openSandbox(makeMemoryFolder());

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
  [
    'a quote in a comment and in a skipped line, and a CR in quotes',
    'made "by\n# an "odd one\na\n"\r"\n',
    { delimiter: ' ', comment: '#', skip_rows: 1 },
    [['\r']],
  ],
  ['gzip', gzipSync('a,b\n1,x\n'), {}, [['1', 'x']]],
];

/** The source over the bytes of a file, in a run of its own. */
function openCsv(
  bytes: string | Buffer,
  given: Record<string, unknown>,
  sandbox: Sandbox = root.freshRun(),
): OpenSource {
  return csv.open(csv.options.parse({ path: sandbox.write('input.csv', bytes), ...given }), sandbox.context);
}

describe('the lanes of the CSV source', () => {
  it.each(ORDINARY)('all read ordinary files: %s', async (_title, bytes, given, rows) => {
    await withSession(async (db) => {
      for (const partitionBytes of [WHOLE, 1]) {
        const source = openCsv(bytes, given);
        const { survey, partitions } = await landAll(source, partitionBytes);
        const records = await readRecords(source, survey, partitions);
        expect(records.map(({ values, reason }) => values ?? reason)).toEqual(rows);
        const fast: unknown[] = [];
        const repaired: unknown[] = [];
        for (const partition of partitions) {
          fast.push(...((await readFast(db, source, survey, partition)) ?? ['refused']));
          const found = await readRepaired(db, source, survey, partition);
          repaired.push(...found.rows, ...found.broken);
        }
        expect(fast).toEqual(rows);
        expect(repaired).toEqual(rows);
      }
    });
  });

  it.each(['\n', '\r\n'])(
    'fail in DuckDB, whatever is asked, where DuckDB would accept what is no record: %j',
    async (newline) => {
      await withSession(async (db) => {
        for (const bad of [
          '"x" "y",1',
          Buffer.from([0xff, 44, 49]),
          'x\0,1',
          'x,1,2',
          'x',
          '"x,1',
          'x,1\ry,2',
          'x,1,',
          '"x,y",1,',
          'x,1,""',
          // The second line is a good record by itself, or the rest of one with three fields.
          '"x\n",a",',
        ]) {
          const clean = `a,b${newline}0,0${newline}`;
          const source = openCsv(
            Buffer.concat([Buffer.from(clean), Buffer.from(bad), Buffer.from('\n2,2\n')]),
            {},
          );
          const { survey, partitions } = await landAll(source, WHOLE);
          for (const partition of partitions) {
            const { sql, trusted } = await source.relation(survey, partition);
            if (!(await trusted)) continue;
            await expect(db.all(`SELECT count(*) FROM ${sql}`)).rejects.toThrow();
            await expect(db.all(`SELECT b FROM ${sql}`)).rejects.toThrow();
          }
        }
      });
    },
  );

  it('read the rows, lines, record numbers and offsets of any clean file, in one partition and in many', async () => {
    await withSession((db) =>
      fc.assert(
        fc.asyncProperty(knownCsv, fc.integer({ min: 1, max: 80 }), async (file, partitionBytes) => {
          for (const bytes of [WHOLE, partitionBytes]) {
            const source = openCsv(file.bytes, file.options);
            const { survey, partitions } = await landAll(source, bytes);
            const records = await readRecords(source, survey, partitions);
            expect(
              records.map(({ line, record, byteOffset, values }) => ({ line, record, byteOffset, values })),
            ).toEqual(file.rows.map((values, index) => ({ ...file.places[index], values })));
            const fast: Values[] = [];
            const repaired: Values[] = [];
            for (const partition of partitions) {
              const found = await readRepaired(db, source, survey, partition);
              expect(found.broken).toEqual([]);
              repaired.push(...found.rows);
              // The fast lane may refuse (mixed line breaks); it may never read something else.
              fast.push(...((await readFast(db, source, survey, partition)) ?? found.rows));
            }
            expect(fast).toEqual(file.rows);
            expect(repaired).toEqual(file.rows);
          }
        }),
        { numRuns: RUNS, seed: SEED },
      ),
    );
  });

  it('read small files whole and cut large ones, in the order of the files', async () => {
    const sandbox = root.freshRun();
    const rows = Array.from({ length: 40 }, (_, index) => [String(index), `"${index},"`]);
    const parts = [rows.slice(0, 2), rows.slice(2, 37), [], rows.slice(37)];
    parts.forEach((part, index) =>
      sandbox.write(`several/${index}.csv`, ['a,b', ...part.map((row) => row.join(','))].join('\n')),
    );
    const source = csv.open(csv.options.parse({ path: 'several' }), sandbox.context);
    const { survey, partitions } = await landAll(source, 100);
    expect(partitions.map(({ file }) => file)).toEqual([0, 1, 1, 1, 3]);
    expect(await sandbox.context.shared.list('slices/')).toHaveLength(6);
    await withSession(async (db) => {
      const fast: unknown[] = [];
      for (const partition of partitions) {
        fast.push(...((await readFast(db, source, survey, partition)) ?? ['refused']));
        await source.release(survey, partition);
      }
      expect(fast).toEqual(rows.map(([a, b]) => [a, b?.slice(1, -1)]));
    });
    expect(await sandbox.context.shared.list('slices/')).toEqual([]);
  });
});
