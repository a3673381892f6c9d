/** The native parts that a worker uses. */
import { version } from '@duckdb/node-api';
import { openSqlite } from '../targets/sqlite/binding';

export function duckdbVersion(): string {
  return version();
}

/** @throws FlexetlError TARGET_INVALID where it cannot be loaded */
export function sqliteVersion(): string {
  const db = openSqlite(':memory:');
  try {
    return db.prepare('SELECT sqlite_version()').pluck().get() as string;
  } finally {
    db.close();
  }
}
