/** SQLite for `targets/sql/`. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident, literal } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import { assertCreatable } from '../../runtime/folders';
import { assertColumns } from '../sql/columns';
import type { SqlDialect, SqlSession } from '../sql/dialect';
import type { TableOptions } from '../sql/options';
import { explainError, notDatabase, openSession } from './database';
import { declareType, isDecimalText, keepsType } from './affinity';
import { hasRules } from './replace';
import { rowidName } from './tables';

export interface SqliteOptions extends TableOptions {
  database: string;
}

export const sqliteDialect: SqlDialect<SqliteOptions> = {
  name: 'SQLite',
  capabilities: {
    modes: ['replace', 'append', 'merge'],
    lane: 'rows',
  },
  database: ({ database }) => database,
  path: ({ database }) => database,
  quote: ident,
  ignoresCase: true,
  declare: declareType,
  keeps: keepsType,

  connect({ database, mode }, { projectDir, signal }, use) {
    const file = resolve(projectDir, database);
    if (use === 'check') assertFile(file, database);
    return openSession({ file, shownFile: database, mode }, use, signal);
  },

  assertSchema(schema, place) {
    const { sqliteColumnsMax } = LIMITS;
    if (schema.length > sqliteColumnsMax) {
      throw new FlexetlError('TARGET_INCOMPATIBLE', {
        message: `${place}: this pipeline has ${schema.length} columns, a table in SQLite can have ${sqliteColumnsMax}.`,
        hint: 'Choose the columns that are needed with a select, or another target.',
      });
    }
    rowidName(schema, place);
  },

  async assertTable(db, options, schema) {
    const { table, mode, database } = options;
    await assertKind(db, database, table);
    const place = `${database}, table ${table}`;
    if (mode === 'merge') await assertKeyType(db, place, options);
    if (mode !== 'replace') return;
    const [made] = await db.all(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND ${isNamed(table)}`);
    if (!made) return;
    if (hasRules(String(made['sql'])))
      assertColumns(sqliteDialect, options, schema, await db.columns(table), place);
    else await assertIndexes(db, place, table, schema);
  },

  async triggers(db, { table }) {
    const found = await db.all(`SELECT name FROM sqlite_schema WHERE type = 'trigger'
      AND tbl_name = ${literal(table)} COLLATE NOCASE ORDER BY name`);
    return found.map(({ name }) => String(name));
  },

  explain: (error, { database, table }) => explainError(error, database, table),
};

/** SQL: the name of a row of the catalogue is this one. */
const isNamed = (name: string): string => `name = ${literal(name)} COLLATE NOCASE`;

/** Creates nothing. @throws FlexetlError TARGET_INVALID; errors of the file system */
function assertFile(file: string, shownFile: string): void {
  if (!existsSync(file)) return assertCreatable(dirname(file));
  const found = statSync(file);
  if (!found.isFile()) throw notDatabase(shownFile, found.isDirectory() ? 'it is a folder' : 'it is no file');
  accessSync(file, constants.R_OK | constants.W_OK);
  accessSync(dirname(file), constants.W_OK | constants.X_OK);
}

/** @throws FlexetlError TARGET_INVALID for something of that name that is not a table */
async function assertKind(db: SqlSession, shownFile: string, table: string): Promise<void> {
  const [found] =
    await db.all(`SELECT type FROM sqlite_schema WHERE ${isNamed(table)} AND type IN ('index', 'trigger')
    UNION ALL SELECT type FROM pragma_table_list WHERE schema = 'main' AND ${isNamed(table)} AND type <> 'table'`);
  if (!found) return;
  const kind = String(found['type']);
  throw new FlexetlError('TARGET_INVALID', {
    message: `${shownFile}: "${table}" is ${kind === 'index' ? 'an' : 'a'} ${kind}${kind === 'virtual' ? ' table' : ''}, expected a table.`,
    hint: 'Choose another name in `table`.',
  });
}

/** A decimal that is kept as text may be another text in an earlier run: 1.1 and 1.10. */
async function assertKeyType(db: SqlSession, place: string, options: SqliteOptions): Promise<void> {
  const keys = new Set(options.primary_key?.map(nameKey));
  const columns = await db.columns(options.table);
  const long = columns.find(({ name, type }) => keys.has(nameKey(name)) && isDecimalText(type));
  if (!long) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: column "${long.name}" of primary_key is ${long.type}: one number can have several texts there.`,
    hint: 'Cast the column to string or integer in the pipeline, and alter the table.',
  });
}

/** Indexes are kept when a table is replaced, so their columns must still exist. */
async function assertIndexes(db: SqlSession, place: string, table: string, schema: Schema): Promise<void> {
  const columns = await db.all(`SELECT l.name AS "index", i.name AS "column"
    FROM pragma_index_list(${literal(table)}) AS l, pragma_index_info(l.name) AS i
    WHERE l.origin = 'c' AND i.name IS NOT NULL`);
  const names = new Set(schema.map(({ name }) => nameKey(name)));
  const lost = columns.find(({ column }) => !names.has(nameKey(String(column))));
  if (!lost) return;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `${place}: index "${String(lost['index'])}" is on column "${String(lost['column'])}", which this pipeline does not have.`,
    hint: 'Drop the index, or keep the column in the pipeline.',
  });
}
