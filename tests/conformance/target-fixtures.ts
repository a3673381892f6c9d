/** What the conformance suite must know of each target beyond its interface: valid options, and a second reader. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Schema } from '../../pipeline/types';
import type { TextRow } from '../support/parts';
import { openSqlite } from '../../targets/sqlite/binding';

export interface TargetFixture {
  /** Options as in the pipeline file, without `type`. */
  options(mode: 'replace' | 'append'): Record<string, unknown>;
  /** The rows that a reader finds, as text, in order; null when there is no table. */
  read(dir: string, schema: Schema): TextRow[] | null;
  /** Nothing that a user sees was made. */
  isUntouched(dir: string): boolean;
}

export const TARGET_FIXTURES: Record<string, TargetFixture> = {
  sqlite: {
    options: (mode) => ({ database: 'output/t.db', table: 'loaded', mode }),
    isUntouched: (dir) => !existsSync(join(dir, 'output')),
    read(dir, schema) {
      const file = join(dir, 'output/t.db');
      if (!existsSync(file)) return null;
      const db = openSqlite(file, { readonly: true, timeout: 5000 });
      try {
        const exists = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'loaded'`).get();
        if (!exists) return null;
        const names = db.pragma('table_info(loaded)') as { name: string }[];
        if (names.map(({ name }) => name).join() !== schema.map(({ name }) => name).join()) {
          throw new Error(`Wrong columns: ${names.map(({ name }) => name).join()}`);
        }
        const rows = db.prepare('SELECT * FROM loaded').raw().safeIntegers().all() as unknown[][];
        return rows.map((row) => row.map((value, index) => asText(value, schema[index]?.type.kind)));
      } finally {
        db.close();
      }
    },
  },
};

function asText(value: unknown, kind: string | undefined): string | null {
  if (value === null) return null;
  if (kind === 'boolean') return value === 1n ? 'true' : 'false';
  return String(value);
}
