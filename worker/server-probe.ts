/** Asks an address whether a Temporal server answers there. */
import { connect } from 'node:net';
import type * as TemporalClient from '@temporalio/client';
import { messageOf } from '../pipeline/errors';

export type Probe = { status: 'ready' } | { status: 'no_namespace' } | { status: 'silent'; reason: string };

/** The part of the connection options that Connection and NativeConnection have in common. */
export type ServerConnection = Pick<TemporalClient.ConnectionOptions, 'address' | 'tls'> & {
  address: string;
  apiKey?: string;
};

const GRPC_NOT_FOUND = 5;
const GRPC_PERMISSION_DENIED = 7;

/**
 * The SDK's client, loaded at the first use: it takes 0.2 s, about as long as the server needs to start meanwhile.
 */
export function loadClient(): typeof TemporalClient {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- test runners load no `import()` without flags
  return require('@temporalio/client') as typeof TemporalClient;
}

/** Ready means: the namespace is there, so a workflow can be started now. Never throws. */
export async function probeServer(
  server: ServerConnection,
  namespace: string,
  timeoutMs: number,
): Promise<Probe> {
  const unreachable = await probePort(server.address, timeoutMs);
  if (unreachable !== null) return { status: 'silent', reason: unreachable };
  const connection = loadClient().Connection.lazy({ ...server, connectTimeout: timeoutMs });
  try {
    await connection.withDeadline(Date.now() + timeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return { status: 'ready' };
  } catch (error) {
    const { code } = error as { code?: number };
    if (code === GRPC_NOT_FOUND) return { status: 'no_namespace' };
    // A key may be good for runs and not for this question.
    if (code === GRPC_PERMISSION_DENIED) return { status: 'ready' };
    return { status: 'silent', reason: `something listens there, but not as Temporal (${messageOf(error)})` };
  } finally {
    await connection.close();
  }
}

/** Null when something accepts connections there, else why not. Costs nothing where nobody listens. */
export function probePort(address: string, timeoutMs: number): Promise<string | null> {
  const { host, port } = splitAddress(address);
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const done = (reason: string | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => done(null));
    socket.once('timeout', () => done('no answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => done(explainSocket(error)));
  });
}

function explainSocket(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connection refused';
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return 'the host name is not known';
  return error.code ?? error.message;
}

/** `host`, `host:port` and `[ipv6]:port`, as the SDK reads them. */
function splitAddress(address: string): { host: string; port: number } {
  const [, ipv6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address) ?? [];
  return { host: ipv6 ?? name ?? address, port: Number(port ?? 7233) };
}
