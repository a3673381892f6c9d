/** A table that is there before a run which must not change it. */
import { join } from 'node:path';
import { openSqlite } from '../../targets/sqlite/binding';
import type { Harness } from './worker-harness';

export function makeOldTable(harness: Harness, database: string): void {
  const db = openSqlite(join(harness.dir, database));
  db.exec('CREATE TABLE t (old INTEGER); INSERT INTO t VALUES (1)');
  db.close();
}

/** The table is there as it was, and nothing else. */
export function expectUntouched(harness: Harness, database: string): void {
  expect(harness.tables(database)).toEqual(['t']);
  expect(harness.query(database, 'SELECT * FROM t')).toEqual([[1n]]);
}
