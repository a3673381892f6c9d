/** Connections to a Temporal server, checks that one answers, and the only place where clients are made. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Client, Connection, isGrpcServiceError, type ConnectionOptions } from '@temporalio/client';
import { FlexetlError, messageOf } from '../pipeline/errors';

export type Env = Readonly<Record<string, string | undefined>>;

export interface ServerAddress {
  address: string;
  namespace: string;
  /** configured: TEMPORAL_ADDRESS; local: found on its usual port; embedded: this project's own. */
  kind: 'configured' | 'local' | 'embedded';
}

/** The part of the connection options that `Connection` and `NativeConnection` have in common. */
export interface ServerConnection extends Pick<ConnectionOptions, 'tls'> {
  address: string;
  apiKey?: string;
}

export type Probe = { status: 'ready' } | { status: 'no_namespace' } | { status: 'silent'; reason: string };

/** Every client is made here, those of workers too, so that a payload codec has one place. */
export function createClient(
  connection: NonNullable<ConstructorParameters<typeof Client>[0]>['connection'],
  namespace: string,
): Client {
  return new Client({ ...(connection && { connection }), namespace });
}

/** A client that connects in the background; close it with `client.connection.close()`. */
export function connectClient(server: ServerAddress, env: Env): Client {
  const connection = Connection.lazy(connectionOptions(server, env));
  // Its first call reports the error.
  connection.ensureConnected().catch(() => undefined);
  return createClient(connection, server.namespace);
}

const GRPC = { deadlineExceeded: 4, notFound: 5, permissionDenied: 7, unavailable: 14 };

/** Ready means: the namespace is there, so a workflow can be started now. Never throws. */
export async function probeServer(
  server: ServerConnection,
  namespace: string,
  timeoutMs: number,
): Promise<Probe> {
  const unreachable = await probePort(server.address, timeoutMs);
  if (unreachable !== null) return { status: 'silent', reason: unreachable };
  // Without the interceptor that tries again.
  const connection = Connection.lazy({ ...server, interceptors: [] });
  try {
    await connection.withDeadline(Date.now() + timeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return { status: 'ready' };
  } catch (error) {
    const { code, details } = isGrpcServiceError(error)
      ? error
      : { code: GRPC.unavailable, details: messageOf(error) };
    if (code === GRPC.notFound) return { status: 'no_namespace' };
    // A key may allow runs but not this request.
    if (code === GRPC.permissionDenied) return { status: 'ready' };
    const isOther = code === GRPC.unavailable || code === GRPC.deadlineExceeded;
    const what = isOther ? 'a program listens there, but it is not Temporal' : 'the server refuses to answer';
    return { status: 'silent', reason: `${what} (${details || `gRPC ${code}`})` };
  } finally {
    await connection.close();
  }
}

/** Null if a program accepts connections there, else why not. Takes no time if nobody listens. */
export function probePort(address: string, timeoutMs: number): Promise<string | null> {
  // `host`, `host:port` and `[ipv6]:port`, as the SDK reads them.
  const [, ipv6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address) ?? [];
  return new Promise((resolve) => {
    const socket = connect({ host: ipv6 ?? name ?? address, port: Number(port ?? 7233), timeout: timeoutMs });
    const done = (reason: string | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => done(null));
    socket.once('timeout', () => done('no answer'));
    socket.once('error', ({ code = '', message }: NodeJS.ErrnoException) =>
      done(SOCKET_ERRORS[code] ?? message),
    );
  });
}

const SOCKET_ERRORS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name is not known',
};

/**
 * What `Connection` and `NativeConnection` need. TEMPORAL_API_KEY, TEMPORAL_TLS and the TEMPORAL_TLS_* files belong to
 * TEMPORAL_ADDRESS; the names are those of Temporal's own tools.
 * @throws FlexetlError CONFIG_INVALID for a certificate file that cannot be read
 */
export function connectionOptions(
  { address, kind }: Pick<ServerAddress, 'address' | 'kind'>,
  env: Env,
): ServerConnection {
  if (kind !== 'configured') return { address };
  const apiKey = env['TEMPORAL_API_KEY'];
  const tls = tlsOptions(env, Boolean(apiKey));
  return { address, ...(tls === undefined ? {} : { tls }), ...(apiKey ? { apiKey } : {}) };
}

function tlsOptions(env: Env, hasApiKey: boolean): ServerConnection['tls'] {
  const crt = readCertificate(env, 'TEMPORAL_TLS_CLIENT_CERT_PATH');
  const key = readCertificate(env, 'TEMPORAL_TLS_CLIENT_KEY_PATH');
  const authority = readCertificate(env, 'TEMPORAL_TLS_SERVER_CA_CERT_PATH');
  const serverName = env['TEMPORAL_TLS_SERVER_NAME'];
  const wanted = env['TEMPORAL_TLS'] ? /^(1|true|yes|on)$/i.test(env['TEMPORAL_TLS']) : undefined;
  if (wanted === false) return false;
  if (!(wanted || hasApiKey || crt || authority || serverName)) return undefined;
  return {
    ...(crt && key ? { clientCertPair: { crt, key } } : {}),
    ...(authority ? { serverRootCACertificate: authority } : {}),
    ...(serverName ? { serverNameOverride: serverName } : {}),
  };
}

function readCertificate(env: Env, name: string): Buffer | undefined {
  const path = env[name];
  if (!path) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FlexetlError('CONFIG_INVALID', {
      message: `${name} names ${path}, which cannot be read: ${messageOf(error)}.`,
      hint: 'Name a readable PEM file.',
      cause: error,
    });
  }
}
