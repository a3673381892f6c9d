/** A session with a PostgreSQL server. */
import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { ident, literal } from '../../pipeline/sql';
import type { Schema } from '../../pipeline/types';
import type { PluginContext } from '../../plugin/context';
import type { SessionUse, SqlSession, TableColumn } from '../sql/dialect';
import type { TableOptions } from '../sql/options';
import { connectClient, watchSignal, type ServerOptions } from './connection';
import { copyPart } from './copy';
import { convertValues } from './convert';
import { lockTable, refillTable, replaceTable } from './replace';

export interface PostgresqlOptions extends TableOptions, ServerOptions {
  schema: string;
}

/** @throws FlexetlError TARGET_INVALID for a schema that does not exist; errors of the server, see `errors.ts` */
export async function openSession(
  options: PostgresqlOptions,
  context: PluginContext,
  use: SessionUse,
): Promise<SqlSession> {
  const { signal } = context;
  const reconnect = (): Promise<Client> => connectClient(options, context);
  if (signal.aborted) throw cancelled();
  const client = await reconnect();
  let unwatch = (): void => undefined;
  const guarded = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw signal.aborted ? cancelled(error) : error;
    }
  };
  const query = async (sql: string) => guarded(client.query<Record<string, unknown>>(sql));
  const all = async (sql: string) => (await query(sql)).rows;
  const close = (): Promise<void> => {
    unwatch();
    return client.end();
  };
  try {
    const processId = await prepare(client, options);
    unwatch = watchSignal(client, processId, signal, reconnect);
  } catch (error) {
    await close();
    throw error;
  }
  const session: SqlSession = {
    run: async (sql) => (await query(sql)).rowCount ?? 0,
    all,
    async transaction(work) {
      if (use !== 'check') await query(lockSql(options, use));
      await query(beginSql(options, use));
      try {
        if (use === 'publish' && options.mode === 'merge') await lockTable(session, options.table);
        const result = await work();
        if (signal.aborted) throw cancelled();
        const { command } = await query('COMMIT');
        // What PostgreSQL answers when a statement before has failed.
        if (command !== 'COMMIT')
          throw new FlexetlError('INTERNAL', { message: 'The transaction was lost.' });
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
    columns: (table) => describeColumns(all, table),
    write: (table, part) => guarded(copyPart(client, table, part, options.mode, context)),
    convert: (table, stage, schema: Schema) => convertValues(session, options, table, stage, schema),
    replace: (table, stage) => replaceTable(session, table, stage),
    refill: (table, insert, stage) => refillTable(session, options, table, stage, insert),
    close,
  };
  return session;
}

function cancelled(cause?: unknown): FlexetlError {
  return new FlexetlError('CANCELLED', { message: 'Cancelled.', cause });
}

/**
 * What a role or a database sets for its sessions must not change values, or end a load in the middle.
 * @returns the id of the server's process
 */
async function prepare(
  client: Client,
  { schema, connection_string_env }: PostgresqlOptions,
): Promise<number> {
  const settings: Record<string, string> = {
    search_path: ident(schema),
    timezone: 'UTC',
    datestyle: 'ISO, YMD',
    standard_conforming_strings: 'on',
    // An error instead of rows that are not seen and not counted.
    row_security: 'off',
    lock_timeout: String(LIMITS.postgresqlLockMs),
    statement_timeout: '0',
    transaction_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    idle_session_timeout: '0',
    client_min_messages: 'warning',
    synchronous_commit: 'on',
  };
  // Older servers do not know all of them; and what makes a commit safer than `on` stays.
  const { rows } = await client.query<{ pid: number; found: boolean }>(
    `SELECT pg_backend_pid() AS pid, to_regnamespace($3) IS NOT NULL AS found, count(set_config(s.name, g.value, false))
      FROM pg_catalog.pg_settings AS s JOIN unnest($1::text[], $2::text[]) AS g (name, value) ON lower(s.name) = g.name
      WHERE s.name <> 'synchronous_commit' OR s.setting = 'off' GROUP BY 1, 2`,
    [Object.keys(settings), Object.values(settings), ident(schema)],
  );
  if (rows[0]?.found) return rows[0].pid;
  throw new FlexetlError('TARGET_INVALID', {
    message: `The database of ${connection_string_env ?? 'the connection string'} has no schema "${schema}".`,
    hint: `Create it (CREATE SCHEMA ${ident(schema)}), or choose another one in \`schema\`.`,
  });
}

/**
 * Loads into one table run side by side; what publishes or removes loads of it runs alone, until the session ends. So a
 * load is not removed while it is written, and two runs that publish into one table wait for each other here, and not in
 * the middle, where each could have a lock that the other needs.
 */
function lockSql({ schema, table }: PostgresqlOptions, use: SessionUse): string {
  const digest = createHash('sha256').update(`flexetl\0${schema}\0${table}`).digest();
  return `SELECT pg_advisory_lock${use === 'load' ? '_shared' : ''}(${digest.readBigInt64BE()})`;
}

/**
 * Rows that other programs add while the rows of a run are appended are not in its counts. Where rows are changed or
 * replaced, the table is locked against other writers instead.
 */
function beginSql({ mode }: PostgresqlOptions, use: SessionUse): string {
  const repeatable = use === 'publish' && mode === 'append';
  return `BEGIN ISOLATION LEVEL ${repeatable ? 'REPEATABLE READ' : 'READ COMMITTED'}`;
}

async function describeColumns(all: SqlSession['all'], table: string): Promise<TableColumn[]> {
  const rows = await all(`SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS required,
      a.attgenerated <> '' OR a.attidentity = 'a' AS generated
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    WHERE c.relname = ${literal(table)} AND c.relnamespace = current_schema()::regnamespace
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`);
  return rows.map(({ name, type, required, generated }) => ({
    name: String(name),
    type: String(type),
    required: required === true,
    generated: generated === true,
  }));
}
