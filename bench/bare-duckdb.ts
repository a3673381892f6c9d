/**
 * The sales job as a good engineer would write it by hand in Node, without any framework: the yardstick.
 *
 *     node dist/bench/bare-duckdb.js sales.csv sales.db
 *     node dist/bench/bare-duckdb.js sales.ndjson sales.db
 *
 * It takes the file at its word: a typed read rounds `1.005` to 1.01 and `8.7` to 9 without a sign, a kill loses
 * the run, and readers of the table may wait. Of the ways to get rows out of DuckDB (rows, JavaScript rows,
 * columns, columns by chunk, streamed columns), columns by chunk is the fastest here and needs the least memory.
 */
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { openSqlite, type Sqlite, type SqliteStatement } from '../targets/sqlite/binding';

/** Rows of one INSERT; measured: 1 is a third slower, more than 20 gains nothing. */
const ROWS_PER_INSERT = 20;

const TABLE = `daily_product_revenue (
  date DATE, product_id TEXT, product_name TEXT, total_quantity INTEGER, total_revenue DECIMAL)`;

/** SQLite has no decimals: a sum that is exact in DuckDB is stored as the double nearest to it. */
const aggregateSql = (path: string, isJson = path.endsWith('.ndjson')): string => `
  SELECT CAST(date AS VARCHAR), product_id, first(product_name),
         CAST(sum(quantity) AS BIGINT), CAST(sum(quantity * unit_price) AS DOUBLE)
  FROM ${isJson ? 'read_ndjson' : 'read_csv'}('${path.replaceAll("'", "''")}', columns = {
    date: 'DATE', product_id: 'VARCHAR', product_name: 'VARCHAR', quantity: 'BIGINT', unit_price: 'DECIMAL(18,2)'}${isJson ? '' : ', header = true'})
  WHERE date IS NOT NULL AND product_id IS NOT NULL AND product_name IS NOT NULL AND unit_price IS NOT NULL
    AND quantity > 0
  GROUP BY date, product_id`;

/** Runs the job and prints where the time went. */
async function main(inputPath: string, databasePath: string): Promise<void> {
  const startMs = performance.now();
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect();
  const result = await duckdb.run(aggregateSql(inputPath));
  const queryMs = performance.now() - startMs;

  const sqlite = openSqlite(databasePath);
  sqlite.pragma('journal_mode = WAL');
  sqlite.exec(`BEGIN; DROP TABLE IF EXISTS daily_product_revenue; CREATE TABLE ${TABLE}`);
  const insert = createInsert(sqlite);
  let fetchMs = 0;
  for (;;) {
    const fetchStartMs = performance.now();
    const chunk = await result.fetchChunk();
    const columns = chunk?.getColumns();
    fetchMs += performance.now() - fetchStartMs;
    if (!chunk || !columns || chunk.rowCount === 0) break;
    insert(columns, chunk.rowCount);
  }
  sqlite.exec('COMMIT');
  sqlite.close();
  const totalMs = performance.now() - startMs;
  process.stdout.write(`${JSON.stringify({ queryMs, fetchMs, insertMs: totalMs - queryMs - fetchMs })}\n`);
}

function createInsert(sqlite: Sqlite): (columns: DuckDBValue[][], rows: number) => void {
  const row = '(?, ?, ?, ?, ?)';
  const prepare = (rows: number): SqliteStatement =>
    sqlite.prepare(`INSERT INTO daily_product_revenue VALUES ${Array(rows).fill(row).join(', ')}`);
  const many = prepare(ROWS_PER_INSERT);
  const one = prepare(1);
  return (columns, rows) => {
    for (let start = 0; start < rows;) {
      const count = rows - start >= ROWS_PER_INSERT ? ROWS_PER_INSERT : 1;
      const values: unknown[] = [];
      for (let i = start; i < start + count; i++) for (const column of columns) values.push(column[i]);
      (count === 1 ? one : many).run(values);
      start += count;
    }
  };
}

const [inputPath, databasePath] = process.argv.slice(2);
if (inputPath === undefined || databasePath === undefined) {
  process.stderr.write('usage: node dist/bench/bare-duckdb.js CSV|NDJSON DATABASE\n');
  process.exitCode = 2;
} else {
  void main(inputPath, databasePath);
}
