/** Every target with what the suite must know of it; a new target adds its case. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Target } from '../../plugin/target';
import { targets } from '../../targets';
import { OWN_FOLDER, readManifest } from '../../targets/files/manifest';
import { openSqlite } from '../../targets/sqlite/binding';
import { fakeLines } from '../support/fake-file-target';
import { fakeSql } from '../support/fake-sql-target';
import type { TextRow } from '../support/parts';
import type { Mode, TargetCase } from '../support/target-probe';

const table = (mode: Mode) => ({
  database: 'output/t.db',
  table: 'loaded',
  mode,
  ...(mode === 'merge' && { primary_key: ['id'] }),
});

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
  fake_lines: {
    options: (mode) => ({ path: 'output/t', mode }),
    isUntouched: (dir) => !existsSync(join(dir, 'output')),
    ordered: true,
    async read(dir) {
      const folder = join(dir, 'output/t');
      for (;;) {
        const { version, files } = await readManifest(folder);
        if (version === 0) return null;
        try {
          const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
          return texts
            .flatMap((text) => text.split('\n').slice(0, -1))
            .map((line) => JSON.parse(line) as TextRow);
        } catch (error) {
          // A later publish has removed the files: the manifest is another one by now.
          if ((await readManifest(folder)).version === version) throw error;
        }
      }
    },
    async leftovers(dir) {
      const folder = join(dir, 'output/t');
      if (!existsSync(folder)) return [];
      const { files } = await readManifest(folder);
      const own = readdirSync(join(folder, OWN_FOLDER)).filter((name) => !name.startsWith('manifest-'));
      return [...own, ...readdirSync(folder).filter((name) => name !== OWN_FOLDER && !files.includes(name))];
    },
    drop: (dir) => rm(join(dir, 'output/t'), { recursive: true }),
  },
};

/** @throws Error for a target without a case */
export function caseOf<O>(target: Target<O>): TargetCase {
  const fixture = FIXTURES[target.type];
  if (!fixture) throw new Error(`The target ${target.type} has no case.`);
  return { target: target as Target<unknown>, ...fixture };
}

export const TARGET_CASES: TargetCase[] = [
  ...targets.map((target) => caseOf(target)),
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

async function queryDuckdb(dir: string, sql: string): Promise<TextRow[]> {
  const db = await (await DuckDBInstance.fromCache(join(dir, 'output/t.db'))).connect();
  try {
    return (await db.runAndReadAll(sql)).getRowsJS() as TextRow[];
  } finally {
    db.closeSync();
  }
}
