/** PostgreSQL for `targets/sql/`. */
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident, literal } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import { assertColumns, missingColumns } from '../sql/columns';
import type { SqlDialect, SqlSession } from '../sql/dialect';
import { secretNameOf } from './connection';
import { explainError } from './errors';
import { assertNoCascade, hasMore } from './replace';
import { openSession, type PostgresqlOptions } from './session';
import { declareType, keepsType } from './types';

export const postgresqlDialect: SqlDialect<PostgresqlOptions> = {
  name: 'PostgreSQL',
  capabilities: { modes: ['replace', 'append', 'merge'], lane: 'rows' },
  database: (options) => `${secretNameOf(options)}/${options.schema}`,
  quote: ident,
  ignoresCase: false,
  numbersRows: true,
  declare: declareType,
  keeps: keepsType,
  connect: openSession,
  assertSchema,

  async assertTable(db, options, schema) {
    await assertKind(db, options);
    const existing = await db.columns(options.table);
    const evolves = missingColumns(postgresqlDialect, options, schema, existing).length > 0;
    await assertRights(db, options, existing.length > 0 && evolves);
    if (options.mode !== 'replace' || existing.length === 0) return;
    if (!(await hasMore(db, options.table))) return;
    await assertNoCascade(db, options.table, options.table);
    const place = `${postgresqlDialect.database(options)}, table ${options.table}`;
    assertColumns(postgresqlDialect, options, schema, existing, place);
  },

  async triggers(db, { table }) {
    const found =
      await db.all(`SELECT tgname AS name FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
      WHERE c.relname = ${literal(table)} AND c.relnamespace = current_schema()::regnamespace
      AND NOT t.tgisinternal AND t.tgenabled NOT IN ('D', 'R') ORDER BY 1`);
    return found.map(({ name }) => String(name));
  },

  explain: (error, options) => explainError(error, secretNameOf(options), options.table),
};

/** Names that PostgreSQL has for columns of its own. */
const SYSTEM_COLUMNS = ['tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax'];

/** @throws FlexetlError TARGET_INCOMPATIBLE */
function assertSchema(schema: Schema, place: string): void {
  const { postgresqlColumnsMax, postgresqlNameBytesMax } = LIMITS;
  const refuse = (found: string, hint: string): never => {
    throw new FlexetlError('TARGET_INCOMPATIBLE', { message: `${place}: ${found}`, hint });
  };
  if (schema.length > postgresqlColumnsMax)
    refuse(
      `this pipeline has ${schema.length} columns, a table in PostgreSQL can have ${postgresqlColumnsMax}.`,
      'Choose the columns that are needed with a select, or another target.',
    );
  const rename = 'Give it another name with a rename.';
  for (const { name } of schema) {
    const bytes = Buffer.byteLength(name);
    if (bytes > postgresqlNameBytesMax)
      refuse(
        `the name of column "${name}" has ${bytes} bytes, PostgreSQL cuts names after ${postgresqlNameBytesMax}.`,
        rename,
      );
    if (SYSTEM_COLUMNS.includes(name)) refuse(`PostgreSQL has a column "${name}" of its own.`, rename);
    if (name.includes('\0')) refuse('the name of a column has a NUL character.', rename);
  }
}

const KINDS: Record<string, string> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
  i: 'an index',
  I: 'an index',
  c: 'a composite type',
};

/** @throws FlexetlError TARGET_INVALID for something of that name that is not a table */
async function assertKind(db: SqlSession, options: PostgresqlOptions): Promise<void> {
  const [found] = await db.all(`SELECT relkind FROM pg_class
    WHERE relname = ${literal(options.table)} AND relnamespace = current_schema()::regnamespace`);
  const kind = found && KINDS[String(found['relkind'])];
  if (kind === undefined) return;
  throw new FlexetlError('TARGET_INVALID', {
    message: `${postgresqlDialect.database(options)}: "${options.table}" is ${kind}, expected a table.`,
    hint: 'Choose another name in `table`.',
  });
}

/** What the role needs, as conditions over its tables; the staging table and the ledger are beside the table. */
const RIGHTS: Record<PostgresqlOptions['mode'], readonly string[]> = {
  append: ['SELECT', 'INSERT'],
  merge: ['SELECT', 'INSERT', 'UPDATE'],
  replace: ['SELECT', 'INSERT', 'DELETE'],
};
const LEDGER_RIGHTS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/**
 * @param evolves the table gets columns, which only its owner may add
 * @throws FlexetlError TARGET_INVALID naming what the role lacks
 */
async function assertRights(db: SqlSession, options: PostgresqlOptions, evolves: boolean): Promise<void> {
  const wanted = [
    ...RIGHTS[options.mode].map((right) => [options.table, right]),
    ...LEDGER_RIGHTS.map((right) => ['_flexetl_loads', right]),
  ].map((pair) => `(${pair.map((text) => literal(text ?? '')).join(', ')})`);
  const lacks = await db.all(`
    SELECT format('CREATE on schema %s', current_schema()) AS lacking WHERE NOT has_schema_privilege(current_schema(), 'CREATE')
    UNION ALL SELECT format('%s on table %s', w.privilege, w.name)
      FROM (VALUES ${wanted.join(', ')}) AS w (name, privilege)
      JOIN pg_class AS c ON c.relname = w.name AND c.relnamespace = current_schema()::regnamespace
      WHERE NOT has_table_privilege(c.oid, w.privilege)
    UNION ALL SELECT format('ownership of table %s, to add columns', c.relname) FROM pg_class AS c
      WHERE ${String(evolves)} AND c.relname = ${literal(options.table)}
      AND c.relnamespace = current_schema()::regnamespace AND NOT pg_has_role(c.relowner, 'USAGE')
    UNION ALL SELECT format('ownership of table %s, to replace it', c.relname) FROM pg_class AS c
      WHERE ${literal(options.mode)} = 'replace' AND c.relname = ${literal(options.table)}
      AND c.relnamespace = current_schema()::regnamespace AND NOT pg_has_role(c.relowner, 'USAGE')
      AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)`);
  if (lacks.length === 0) return;
  const [role] = await db.all('SELECT current_user AS name');
  throw new FlexetlError('TARGET_INVALID', {
    message: `${postgresqlDialect.database(options)}, table ${options.table}: the role ${String(role?.['name'])} lacks ${lacks.map(({ lacking }) => String(lacking)).join(', ')}.`,
    hint: 'Grant it to the role, or use another role in the connection string.',
  });
}
