import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { RunReport } from '../../pipeline/report';
import { findOnPath } from '../../server/temporal-server';
import { plainDecimal, sale, salesCsv, SALES_JOB, salesTruth, sortRows, type Sale } from '../support/sales';
import { openHarness, sqliteTarget, type Harness } from '../support/worker-harness';

let harness: Harness;
beforeAll(async () => {
  // Two workers on one task queue, so that parts of a run go to either.
  harness = await openHarness({ workers: 2 });
});
afterEach(() => jest.restoreAllMocks());
afterAll(() => harness.close());

interface Way {
  chunk_size?: number;
  parallel_workers?: number;
  /** Cores as DuckDB sees them. */
  cores: number;
}

const WAYS: Way[] = [
  { cores: 1 },
  { chunk_size: 2, parallel_workers: 3, cores: 2 },
  { chunk_size: 7, parallel_workers: 2, cores: 1 },
  { chunk_size: 12, cores: 4 },
];

/** Runs a job in one of the ways, into a database of its own. */
async function runIn(
  { cores, ...processing }: Way,
  path: string,
  job: object,
  mode: 'replace' | 'append' = 'replace',
): Promise<{ report: RunReport; database: string }> {
  jest.spyOn(os, 'availableParallelism').mockReturnValue(cores);
  const database = `${randomUUID()}.db`;
  const targets = [sqliteTarget('t', mode, database)];
  const report = await harness.run(
    harness.addPipeline({ source: { path }, ...job, targets, scalability: { processing } }),
  );
  return { report, database };
}

function writeSales(sales: readonly Sale[]): string {
  const path = `${randomUUID()}.csv`;
  harness.write(path, salesCsv(sales));
  return path;
}

/** The table as `better-sqlite3` reads it. */
function readRevenue(database: string): string[][] {
  return sortRows(
    harness
      .query(database, 'SELECT date, product_id, product_name, total_quantity, total_revenue FROM t')
      .map((row) => row.map((value, index) => (index < 3 ? String(value) : plainDecimal(value)))),
  );
}

/** Reads the table and the CSV file, and computes the truth, without JavaScript, DuckDB or anything of ours. */
const PYTHON = `
import csv, sqlite3, sys
from decimal import Decimal, getcontext
getcontext().prec = 80
truth = {}
with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        if all(row.values()) and int(row["quantity"]) > 0:
            group = truth.setdefault((row["date"], row["product_id"]), [row["product_name"], 0, Decimal(0)])
            group[1] += int(row["quantity"])
            group[2] += int(row["quantity"]) * Decimal(row["unit_price"])
table = {}
for date, product, name, quantity, revenue in sqlite3.connect(sys.argv[2]).execute("SELECT * FROM t"):
    assert type(quantity) is int
    table[date, product] = [name, quantity, Decimal(str(revenue))]
assert table == truth, (table, truth)
print("equal")
`;

/** Everyone who can tell whether a table is what the CSV file asks for. */
const READERS: ((path: string, database: string, sales: readonly Sale[]) => void)[] = [
  (_path, database, sales) => expect(readRevenue(database)).toEqual(salesTruth(sales).groups),
];
if (findOnPath('python3', process.env['PATH']) !== null) {
  READERS.push((path, database) => {
    const files = [join(harness.dir, path), join(harness.dir, database)];
    expect(execFileSync('python3', ['-c', PYTHON, ...files], { encoding: 'utf8' })).toBe('equal\n');
  });
}

describe('the sales table', () => {
  it('is what the file asks for, whoever reckons it, whatever the chunks, workers and threads', async () => {
    const files = fc.array(sale, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(files, async (sales) => {
        const path = writeSales(sales);
        const { rows } = salesTruth(sales);
        for (const way of WAYS) {
          const { report, database } = await runIn(way, path, SALES_JOB);
          expect(report).toMatchObject({ status: 'succeeded', balanced: true, rows });
          for (const compare of READERS) compare(path, database, sales);
        }
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  it('holds sums of more digits than a double has, each of them', async () => {
    const big = { date: '2026-01-01', product_id: 'P', product_name: 'N', quantity: '9007199254740993' };
    const sales = [
      { ...big, unit_price: '1000000000000.001' },
      { ...big, unit_price: '0.002' },
      { ...big, product_id: 'Q', quantity: '3', unit_price: '0.1' },
    ];
    const { database } = await runIn({ cores: 2 }, writeSales(sales), SALES_JOB);
    expect(readRevenue(database)).toEqual(salesTruth(sales).groups);
    expect(readRevenue(database)).toEqual([
      ['2026-01-01', 'P', 'N', '18014398509481986', '9007199254741020021597764222.979'],
      ['2026-01-01', 'Q', 'N', '3', '0.3'],
    ]);
  });
});

describe('a table of single rows', () => {
  const job = {
    validation: SALES_JOB.validation,
    transformations: [
      { type: 'rename', columns: { product_id: 'id' } },
      { type: 'derive', columns: { revenue: 'quantity * unit_price', half: 'unit_price * 0.5' } },
      { type: 'cast', columns: { quantity: 'string' } },
      { type: 'filter', column: 'revenue', operator: 'is_not_null' },
    ],
  };
  const global = {
    ...job,
    transformations: [
      ...job.transformations,
      { type: 'deduplicate', columns: ['id', 'date'] },
      { type: 'sort', by: [{ column: 'revenue', order: 'desc' }, 'id'] },
    ],
  };

  it.each([
    ['part by part', job],
    ['with all rows at once', global],
  ])(
    'is the same, in the same order, made %s, whatever the chunks, workers and threads',
    async (_title, steps) => {
      const files = fc.array(sale, { minLength: 12, maxLength: 24 });
      await fc.assert(
        fc.asyncProperty(files, async (sales) => {
          const path = writeSales(sales);
          const results = [];
          for (const way of WAYS) {
            const { report, database } = await runIn(way, path, steps);
            expect(report).toMatchObject({
              status: 'succeeded',
              balanced: true,
              rows: { read: sales.length },
            });
            results.push({
              rows: report.rows,
              transforms: report.transforms,
              table: harness.query(database, 'SELECT * FROM t'),
              types: harness.query(database, `SELECT name, type FROM pragma_table_info('t')`),
            });
          }
          for (const result of results.slice(1)) expect(result).toEqual(results[0]);
          const kept = sales.filter((one) => one.quantity !== '' && one.unit_price !== '');
          if (steps === job) expect(results[0]?.table).toHaveLength(kept.length);
        }),
        { numRuns: 2, endOnFailure: true },
      );
    },
  );
});

describe('a table that is appended to', () => {
  const path = 'append.csv';
  const addAppend = (): { name: string; count(): unknown } => {
    const database = `${randomUUID()}.db`;
    harness.write(path, 'n,v\n1,0.1\n2,0.2\n3,\n');
    const name = harness.addPipeline({
      source: { path },
      targets: [sqliteTarget('t', 'append', database)],
      scalability: { processing: { chunk_size: 1 } },
    });
    return { name, count: () => harness.query(database, 'SELECT count(*), count(DISTINCT n) FROM t')[0] };
  };

  it('gets the rows of each run key', async () => {
    const { name, count } = addAppend();
    await harness.run({ name, run_key: 'monday' });
    await harness.run({ name, run_key: 'tuesday' });
    expect(count()).toEqual([6n, 3n]);
  });

  it('gets the rows of one run key once, however often it is run', async () => {
    const { name, count } = addAppend();
    const [first, second] = [
      await harness.run({ name, run_key: 'monday' }),
      await harness.run({ name, run_key: 'monday' }),
    ];
    expect(first).toMatchObject({ status: 'succeeded', rows: { read: 3 }, targets: [{ rows_loaded: 3 }] });
    expect(second).toMatchObject({
      status: 'succeeded',
      balanced: true,
      rows: { read: 0, output: 0 },
      targets: [{ status: 'published', rows_loaded: 0, already: { run_key: 'monday', rows: 3 } }],
      warnings: [expect.stringMatching(/: already loaded by run monday at 20.*Z \(3 rows\), 0 rows now\.$/)],
    });
    expect(count()).toEqual([3n, 3n]);
  });

  it('refuses other rows under a run key that it has', async () => {
    const { name, count } = addAppend();
    await harness.run({ name, run_key: 'monday' });
    harness.write(path, 'n,v\n1,0.1\n2,0.2\n3,\n4,0.4\n');
    expect(await harness.run({ name, run_key: 'monday' })).toMatchObject({
      status: 'failed',
      error: {
        code: 'KEY_REUSED',
        message: expect.stringMatching(/append\.csv \(19 bytes, .*append\.csv \(25 bytes, /) as string,
      },
    });
    expect(count()).toEqual([3n, 3n]);
  });
});
