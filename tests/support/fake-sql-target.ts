/** Another database, as a third party would write a target for it: DuckDB with a file of its own. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { FlexetlError } from '../../pipeline/errors';
import { ident, literal, sqlType } from '../../pipeline/sql';
import { defineTarget } from '../../plugin/target';
import { makeFolders } from '../../runtime/folders';
import type { SqlDialect, SqlSession } from '../../targets/sql/dialect';
import { requireKey, tableOptions, type TableOptions } from '../../targets/sql/options';
import { stagePart } from '../../targets/sql/order';
import { sqlTarget } from '../../targets/sql/target';

const options = z
  .strictObject({ database: z.string().describe('Path of the database file.'), ...tableOptions })
  .superRefine(requireKey);

const duckdb: SqlDialect<z.infer<typeof options>> = {
  name: 'DuckDB',
  capabilities: {
    modes: ['replace', 'append', 'merge'],
    lane: 'file',
  },
  database: ({ database }) => database,
  path: ({ database }) => database,
  quote: ident,
  ignoresCase: true,
  numbersRows: true,
  declare: sqlType,
  keeps: (declared, type) => declared === sqlType(type),
  async connect({ database, mode }, { projectDir, signal }, use) {
    const file = resolve(projectDir, database);
    if (!existsSync(file) && (use === 'check' || use === 'discard')) return undefined;
    makeFolders(dirname(file));
    const instance = await DuckDBInstance.fromCache(file);
    return openSession(await instance.connect(), file, mode, signal);
  },
  explain: (error) => error,
};

/** Ends of the last transactions, by file: DuckDB refuses two that meet, where other databases let one wait. */
const queues = new Map<string, Promise<unknown>>();

function openSession(
  db: DuckDBConnection,
  file: string,
  mode: TableOptions['mode'],
  signal: AbortSignal,
): SqlSession {
  const run = async (sql: string): Promise<number> => {
    if (signal.aborted) throw new FlexetlError('CANCELLED', { message: 'Cancelled.' });
    return (await db.run(sql)).rowsChanged;
  };
  const transact = async <T>(work: () => Promise<T>): Promise<T> => {
    await run('BEGIN');
    try {
      const result = await work();
      await run('COMMIT');
      return result;
    } catch (error) {
      await db.run('ROLLBACK');
      throw error;
    }
  };
  const all = async (sql: string) => (await db.runAndReadAll(sql)).getRowObjectsJS();
  return {
    run,
    all,
    transaction(work) {
      const mine = (queues.get(file) ?? Promise.resolve()).then(() => transact(work));
      queues.set(
        file,
        mine.catch(() => undefined),
      );
      return mine;
    },
    async columns(table) {
      const found = await all(`SELECT column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_name = ${literal(table)} ORDER BY ordinal_position`);
      return found.map((column) => ({
        name: String(column['column_name']),
        type: String(column['data_type']),
        required: column['is_nullable'] === 'NO' && column['column_default'] === null,
        generated: false,
      }));
    },
    write: (table, part) => run(`INSERT INTO ${ident(table)} ${stagePart(part, mode).select}`),
    close: () => Promise.resolve(db.closeSync()),
  };
}

export const fakeSql = defineTarget<z.infer<typeof options>>({
  type: 'fake_sql',
  description: 'A table in a DuckDB file.',
  options,
  ...sqlTarget(duckdb),
});
