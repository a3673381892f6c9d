/** Connections to a Temporal server, checks that one answers, and the only place where clients are made. */
import { connect } from 'node:net';
import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { messageOf } from '../pipeline/errors';
import { connectionOptions, type Env, type ServerAddress, type ServerConnection } from './named-server';

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
