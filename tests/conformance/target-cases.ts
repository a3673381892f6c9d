/** Every target with what the suite must know of it; a new target adds its case. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'csv-parse/sync';
import { ident, literal } from '../../pipeline/sql';
import type { Target } from '../../plugin/target';
import { targets } from '../../targets';
import { readManifest } from '../../targets/files/manifest';
import { OWN_FOLDER, USERS_MANIFEST } from '../../targets/files/place';
import { openSqlite } from '../../targets/sqlite/binding';
import { fakeLines } from '../support/fake-file-target';
import { fakeSql } from '../support/fake-sql-target';
import type { TextRow } from '../support/parts';
import { databaseFor, queryPostgresql } from '../support/postgresql';
import type { Mode, TargetCase } from '../support/target-probe';

const table = (mode: Mode) => ({
  database: 'output/t.db',
  table: 'loaded',
  mode,
  ...(mode === 'merge' && { primary_key: ['id'] }),
});

const inSchema = (mode: Mode): Record<string, unknown> => {
  const { database: _, ...options } = table(mode);
  return options;
};

/** One for each project. */
const postgresqlDatabase = (dir: string): Promise<string> => databaseFor(dir, 'CREATE SCHEMA output');

async function tablesOf(dir: string): Promise<string[]> {
  const sql = `SELECT tablename FROM pg_tables WHERE schemaname = 'output'`;
  return (await queryPostgresql(await postgresqlDatabase(dir), sql)).flat().map(String);
}

type Fixture = Omit<TargetCase, 'target'>;

const FIXTURES: Record<string, Fixture> = {
  sqlite: {
    options: table,
    isUntouched: (dir) => !existsSync(join(dir, 'output')),
    ordered: true,
    async read(dir, schema) {
      const rows = await querySqlite(dir, `SELECT * FROM loaded`).catch(() => null);
      return rows && rows.map((row) => row.map((value, at) => sqliteText(value, schema[at]?.type.kind)));
    },
    async leftovers(dir) {
      if (!existsSync(join(dir, 'output/t.db'))) return [];
      const own = `SELECT name FROM sqlite_schema WHERE name LIKE '%stage%'`;
      return (await querySqlite(dir, own)).flat().map(String);
    },
    drop: (dir) =>
      Promise.resolve(openSqlite(join(dir, 'output/t.db'))).then((db) => {
        db.exec('DROP TABLE loaded');
        db.close();
      }),
  },
  postgresql: {
    options: (mode) => ({ connection_string_env: 'OUT_URL', schema: 'output', ...inSchema(mode) }),
    secret: postgresqlDatabase,
    isUntouched: async (dir) => (await tablesOf(dir)).length === 0,
    ordered: false,
    lacksNul: true,
    async read(dir, schema) {
      const columns = schema.map(
        ({ name, type }) => `${ident(name)}${type.kind === 'boolean' ? '::text' : ''}`,
      );
      const sql = `SELECT ${columns.join(', ')} FROM output.loaded`;
      return queryPostgresql(await postgresqlDatabase(dir), sql).catch(() => null);
    },
    leftovers: async (dir) => (await tablesOf(dir)).filter((name) => name.includes('stage')),
    drop: async (dir) => queryPostgresql(await postgresqlDatabase(dir), 'DROP TABLE output.loaded'),
  },
  fake_sql: {
    options: table,
    isUntouched: (dir) => !existsSync(join(dir, 'output')),
    ordered: false,
    read: (dir) => queryDuckdb(dir, 'SELECT COLUMNS(*)::VARCHAR FROM loaded').catch(() => null),
    leftovers: async (dir) =>
      existsSync(join(dir, 'output'))
        ? (await queryDuckdb(dir, `SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '%stage%'`))
            .flat()
            .map(String)
        : [],
    drop: (dir) => queryDuckdb(dir, 'DROP TABLE loaded'),
  },
  fake_lines: folderCase((paths) =>
    Promise.resolve(
      paths
        .flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1))
        .map((line) => JSON.parse(line) as TextRow),
    ),
  ),
  parquet: folderCase(async (paths) => {
    if (paths.length === 0) return [];
    // Its timestamps are in UTC.
    const asText = `COLUMNS(*)::VARCHAR FROM read_parquet([${paths.map(literal).join(', ')}])`;
    const rows = await queryDuckdb(undefined, `SELECT ${asText}`);
    return rows.map((row) => row.map((text) => text && text.replace(/^(.{10} [\d:.]+)\+00$/, '$1')));
  }),
  csv: folderCase((paths) =>
    Promise.resolve(
      paths.flatMap((path) => {
        const records = parse(readFileSync(path), {
          from: 2,
          relax_column_count: false,
          cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
        }) as unknown as TextRow[];
        return records.map((row) => row.map((text) => text && text.replace(/^(.{10})T([\d:.]+)Z$/, '$1 $2')));
      }),
    ),
  ),
};

/** A folder of files with a manifest. @param readFiles other than with the target's own code */
export function folderCase(readFiles: (paths: readonly string[]) => Promise<TextRow[]>): Fixture {
  const folderOf = (dir: string): string => join(dir, 'output/t');
  const manifestOf = (dir: string) => readManifest(join(folderOf(dir), OWN_FOLDER));
  return {
    options: (mode) => ({ path: 'output/t', mode }),
    isUntouched: (dir) => !existsSync(join(dir, 'output')),
    ordered: true,
    async read(dir) {
      for (;;) {
        const { version, files } = await manifestOf(dir);
        if (version === 0) return null;
        try {
          return await readFiles(files.map(({ path }) => join(folderOf(dir), path)));
        } catch (error) {
          // A later publish has removed the files: the manifest is another one by now.
          if ((await manifestOf(dir)).version === version) throw error;
        }
      }
    },
    async leftovers(dir) {
      const folder = folderOf(dir);
      if (!existsSync(folder)) return [];
      const ours = [OWN_FOLDER, USERS_MANIFEST, ...(await manifestOf(dir)).files.map(({ path }) => path)];
      const own = readdirSync(join(folder, OWN_FOLDER)).filter((name) => !name.startsWith('manifest-'));
      return [...own, ...readdirSync(folder).filter((name) => !ours.includes(name))];
    },
    drop: (dir) => rm(folderOf(dir), { recursive: true }),
  };
}

/** @throws Error for a target without a case */
export function caseOf(target: Pick<Target<never>, 'type'>): TargetCase {
  const fixture = FIXTURES[target.type];
  if (!fixture) throw new Error(`The target ${target.type} has no case.`);
  return { target: target as unknown as Target<unknown>, ...fixture };
}

export const TARGET_CASES: TargetCase[] = [
  ...targets.map((target) => caseOf(target as unknown as Target<unknown>)),
  caseOf(fakeSql),
  caseOf(fakeLines),
];

function querySqlite(dir: string, sql: string): Promise<unknown[][]> {
  return Promise.resolve().then(() => {
    const db = openSqlite(join(dir, 'output/t.db'), { readonly: true, timeout: 5000 });
    try {
      return db.prepare(sql).raw().safeIntegers().all() as unknown[][];
    } finally {
      db.close();
    }
  });
}

function sqliteText(value: unknown, kind: string | undefined): string | null {
  if (value === null) return null;
  return kind === 'boolean' ? String(value === 1n) : String(value);
}

/** @param dir of the database; undefined: one in memory */
async function queryDuckdb(dir: string | undefined, sql: string): Promise<TextRow[]> {
  const path = dir === undefined ? ':memory:' : join(dir, 'output/t.db');
  const db = await (await DuckDBInstance.fromCache(path)).connect();
  await db.run(`SET TimeZone = 'UTC'`);
  try {
    return (await db.runAndReadAll(sql)).getRowsJS() as TextRow[];
  } finally {
    db.closeSync();
  }
}
