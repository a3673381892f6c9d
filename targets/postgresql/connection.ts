/** A connection to a PostgreSQL server: where it is, how it is encrypted, and how a statement is cancelled. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { Client as Connection } from 'pg';
import { FlexetlError, messageOf } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import type { PluginContext } from '../../plugin/context';

/** The words of libpq. */
export const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface ServerOptions {
  connection_string_env?: string | undefined;
  connection_string?: { secret: string } | undefined;
  sslmode?: SslMode | undefined;
  sslrootcert?: string | undefined;
}

/** The name of the environment variable that has the connection string. */
export function secretNameOf({ connection_string_env, connection_string }: ServerOptions): string {
  return connection_string_env ?? connection_string?.secret ?? '';
}

/**
 * Connects. The caller must end the client.
 * @throws FlexetlError SECRET_MISSING, TARGET_INVALID for a connection string or certificate that cannot be used; errors
 *   of `pg` and of the network
 */
export async function connectClient(options: ServerOptions, context: PluginContext): Promise<Connection> {
  const { url, sslmode, ca } = await findServer(options, context);
  if (sslmode === 'disable') return open(url, false);
  const tls: ConnectionOptions = {
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: sslmode.startsWith('verify-'),
    // The certificate is signed by the authority, for whatever host.
    ...(sslmode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  };
  try {
    return await open(url, tls);
  } catch (error) {
    if (sslmode !== 'prefer' || !messageOf(error).includes('does not support SSL')) throw error;
    return open(url, false);
  }
}

async function open(connectionString: string, ssl: false | ConnectionOptions): Promise<Connection> {
  // Loaded only by those who use it: it takes 30 ms.
  const { Client: Connection } = await import('pg');
  const client = new Connection({
    connectionString,
    ssl,
    application_name: 'flexetl',
    keepAlive: true,
    connectionTimeoutMillis: LIMITS.postgresqlConnectMs,
  });
  // A connection that is lost while nothing is asked is noticed by the next statement.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

interface Server {
  /** Without what only libpq understands. */
  url: string;
  sslmode: SslMode;
  ca?: string;
}

async function findServer(options: ServerOptions, { secret, projectDir }: PluginContext): Promise<Server> {
  const name = secretNameOf(options);
  const url = parseUrl(name, await secret(name));
  const take = (parameter: string): string | undefined => {
    const value = url.searchParams.get(parameter) ?? undefined;
    url.searchParams.delete(parameter);
    return value;
  };
  const [modeGiven, rootGiven] = [take('sslmode'), take('sslrootcert')];
  const sslmode = options.sslmode ?? modeGiven ?? 'prefer';
  if (!isSslMode(sslmode)) {
    throw invalid(
      `The connection string in ${name} has sslmode=${sslmode}, expected ${SSL_MODES.join(', ')}.`,
      'Change it there, or set `sslmode` of the target.',
    );
  }
  const root = options.sslrootcert ?? rootGiven;
  // `system`, as libpq calls it: the certificates that Node has.
  if (root === undefined || root === 'system') return { url: url.href, sslmode };
  const ca = await readFile(resolve(projectDir, root), 'utf8').catch((cause: unknown) => {
    throw invalid(
      `The certificate ${root} cannot be read: ${messageOf(cause)}.`,
      'Set `sslrootcert` to a file with the certificate of the authority, as PEM.',
      cause,
    );
  });
  return { url: url.href, sslmode, ca };
}

/** Never shows the text: it has the password. */
function parseUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['postgresql:', 'postgres:'].includes(url.protocol)) return url;
  throw invalid(
    `${name} is not a connection string of PostgreSQL: expected postgresql://user:password@host:5432/database.`,
    'Characters like @, / and # of a password are written as %40, %2F and %23.',
  );
}

function isSslMode(text: string): text is SslMode {
  return (SSL_MODES as readonly string[]).includes(text);
}

function invalid(message: string, hint: string, cause?: unknown): FlexetlError {
  return new FlexetlError('TARGET_INVALID', { message, hint, cause });
}

/** Time of the server to end a cancelled statement and answer, before the connection is cut. */
const CANCEL_WAIT_MS = 500;

/**
 * Ends the running statement of a connection when the signal aborts: on the server, so that its locks are gone; and if
 * it does not answer, by cutting the connection, which rolls back when the server notices.
 * @param reconnect opens a second connection, on which the statement is cancelled
 * @returns ends the watch
 */
export function watchSignal(
  client: Connection,
  processId: number,
  signal: AbortSignal,
  reconnect: () => Promise<Connection>,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const cancel = async (): Promise<void> => {
    const other = await reconnect();
    try {
      // A statement may begin just after the first request.
      while (!ended) await other.query(`SELECT pg_cancel_backend(${processId}), pg_sleep(0.05)`);
    } finally {
      await other.end();
    }
  };
  const onAbort = (): void => {
    timer = setTimeout(() => void cut(client), CANCEL_WAIT_MS);
    cancel().catch(() => undefined);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    ended = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
}

/** All statements of the client then fail. */
function cut(client: Connection): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  connection.stream.destroy();
}
