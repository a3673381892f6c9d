/**
 * What the targets of a project hold in the end, by readers that share no code with the product:
 * `checker.ts <job.json>` prints the list of what is wrong, as JSON.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Sqlite from 'better-sqlite3';

export interface CheckJob {
  dir: string;
  pipeline: string;
  runKey: string;
  /** `n,quantity,cents` of each row, by n: number of rows and SHA-256. */
  rows: number;
  digest: string;
  /** Records of the source. */
  read: number;
  /** Numbers of the records that are in the dead-letter queue. */
  dead: number[];
  /** Connection string. */
  postgresql: string;
}

/** Number, quantity and revenue as text. */
type Row = [string, string, string];
const COLUMNS = 'n, quantity, revenue';

async function check(job: CheckJob): Promise<string[]> {
  const wrong: string[] = [];
  const compare = (target: string, found: Row[]): void => {
    const lines = found.map(([n, quantity, revenue]) => `${n},${quantity},${cents(revenue)}`);
    const digest = createHash('sha256').update(lines.join('\n')).digest('hex');
    if (lines.length !== job.rows) wrong.push(`${target} has ${lines.length} rows, not ${job.rows}`);
    else if (digest !== job.digest) wrong.push(`${target} has other rows`);
  };
  compare('sqlite', readSqlite(join(job.dir, 'output/out.db'), wrong));
  compare('csv', readCsv(join(job.dir, 'output/result.csv')));
  compare('parquet', await readParquet(join(job.dir, 'output/parquet'), wrong));
  compare('postgresql', await readPostgresql(job.postgresql, wrong));
  checkReport(job, wrong);
  checkDead(job, wrong);
  wrong.push(...leftOver(join(job.dir, 'output')), ...staged(job.dir));
  return wrong;
}

function cents(revenue: string): bigint {
  const [whole = '', digits = ''] = revenue.split('.');
  if (/[^0]/.test(digits.slice(2))) throw new Error(`Revenue ${revenue} has too many digits.`);
  return BigInt(whole) * 100n + BigInt(digits.slice(0, 2).padEnd(2, '0'));
}

function byNumber(rows: Row[]): Row[] {
  return rows.sort(([a], [b]) => Number(a) - Number(b));
}

function readSqlite(file: string, wrong: string[]): Row[] {
  const name = Number(process.versions.napi) >= 10 ? 'better-sqlite3-13' : 'better-sqlite3';
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which one can be loaded is known only here
  const Database = require(name) as typeof Sqlite;
  const db = new Database(file, { readonly: true });
  try {
    const intact = db.pragma('integrity_check', { simple: true });
    if (intact !== 'ok') wrong.push(`sqlite is damaged: ${String(intact)}`);
    const tables = db.prepare(
      `SELECT name FROM sqlite_schema WHERE name LIKE '!_flexetl!_stage%' ESCAPE '!'`,
    );
    for (const table of tables.pluck().all()) wrong.push(`sqlite still has ${String(table)}`);
    const sql = `SELECT n, quantity, printf('%.2f', revenue) FROM result ORDER BY n`;
    return (db.prepare(sql).raw().all() as unknown[][]).map((row) => row.map(String) as Row);
  } finally {
    db.close();
  }
}

function readCsv(file: string): Row[] {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split(/\r?\n/);
  const names = header.split(',');
  const places = ['n', 'quantity', 'revenue'].map((name) => names.indexOf(name));
  return byNumber(lines.map((line) => places.map((place) => line.split(',')[place]) as Row));
}

async function readParquet(dir: string, wrong: string[]): Promise<Row[]> {
  const { files } = JSON.parse(readFileSync(join(dir, '_manifest.json'), 'utf8')) as {
    files: { path: string }[];
  };
  const there = readdirSync(dir).filter((name) => name.endsWith('.parquet'));
  const listed = files.map(({ path }) => path);
  if (there.sort().join() !== listed.sort().join())
    wrong.push(`parquet has ${there.join(' ')}, its manifest ${listed.join(' ')}`);
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const paths = listed.map((path) => `'${join(dir, path)}'`).join(', ');
  const sql = `SELECT ${COLUMNS.replaceAll(/\w+/g, '$&::VARCHAR')} FROM read_parquet([${paths}]) ORDER BY n`;
  return (await connection.runAndReadAll(sql)).getRowsJS() as Row[];
}

async function readPostgresql(connectionString: string, wrong: string[]): Promise<Row[]> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString, types: { getTypeParser: () => String } });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_name LIKE '\\_flexetl\\_stage%'`,
    );
    for (const { name } of tables.rows) wrong.push(`postgresql still has ${name}`);
    const text = `SELECT ${COLUMNS} FROM result ORDER BY n`;
    return (await client.query<Row>({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

interface Report {
  status: string;
  balanced: boolean;
  rows: Record<string, number>;
}

function checkReport({ dir, pipeline, runKey, read, rows, dead }: CheckJob, wrong: string[]): void {
  const file = join(dir, 'output/reports', pipeline, `${runKey}.json`);
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const found = report.rows;
  if (report.status !== 'succeeded' || !report.balanced) wrong.push(`the report says ${report.status}`);
  if (found['read'] !== read || found['output'] !== rows || found['quarantined'] !== dead.length)
    wrong.push(`the report says ${JSON.stringify(found)}`);
}

/** Every dead record once, in the order of the source. */
function checkDead({ dir, dead }: CheckJob, wrong: string[]): void {
  const folder = join(dir, 'failed_records');
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
  const found = files
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { record: number }).record);
  if (found.join() !== dead.join()) wrong.push(`the dead letters are of the records ${found.join()}`);
}

/** Files of attempts and of loads that are not published. */
function leftOver(output: string): string[] {
  const own = /\/_flexetl\/(?!([^/]+\/)?manifest-\d+\.json$)/;
  return readdirSync(output, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => own.test(path) || /-journal$|\.part/.test(path))
    .map((path) => `${path} was left`);
}

function staged(dir: string): string[] {
  const root = join(dir, '.flexetl/staging');
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((path) => path.split('/').length > 2)
    .map((path) => `.flexetl/staging/${path} was left`);
}

const [path = ''] = process.argv.slice(2);
check(JSON.parse(readFileSync(path, 'utf8')) as CheckJob).then(
  (wrong) => process.stdout.write(JSON.stringify(wrong)),
  (error: unknown) => process.stdout.write(JSON.stringify([String(error)])),
);
