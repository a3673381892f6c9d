/** A SQLite file in a folder of its own, which a target loads and a user sees through a connection of his own. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Schema } from '../../pipeline/types';
import type { LoadKey, OpenTarget, Published } from '../../plugin/target';
import { openSqlTarget } from '../../targets/sql/target';
import { openSqlite, type Sqlite } from '../../targets/sqlite/binding';
import { sqliteDialect, type SqliteOptions } from '../../targets/sqlite/dialect';
import { makeFolder } from './folder';
import { contextOf, LOAD_KEY, makePart, type TextRow } from './parts';

let keys = 0;

export function openTable(given: Partial<SqliteOptions> = {}, dir = makeFolder()) {
  const options: SqliteOptions = { database: 't.db', table: 't', mode: 'append', ...given };
  const file = join(dir, options.database);
  const withUser = <T>(work: (db: Sqlite) => T): T => {
    mkdirSync(dirname(file), { recursive: true });
    const db = openSqlite(file);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  const target = (mode = options.mode): OpenTarget =>
    openSqlTarget(sqliteDialect, { ...options, mode }, contextOf(dir));
  return {
    dir,
    file,
    target,
    query: (sql: string) => withUser((db) => db.prepare(sql).raw().safeIntegers().all()),
    execute: (sql: string) => withUser((db) => void db.exec(sql)),
    /** Check, load and publish, as a run does. */
    async run(schema: Schema, rows: TextRow[], mode = options.mode): Promise<Published> {
      const key: LoadKey = { ...LOAD_KEY, runKey: `run ${(keys += 1)}` };
      await target(mode).check(schema);
      await target(mode).load(key, await makePart(schema, rows));
      return target(mode).publish(key, schema, rows.length);
    },
  };
}
