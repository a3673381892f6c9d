/** Asks an address whether a Temporal server answers there. */
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import type { ConnectionOptions } from '@temporalio/client';
import { messageOf } from '../pipeline/errors';

export type Probe = { status: 'ready' } | { status: 'no_namespace' } | { status: 'silent'; reason: string };

/** The part of the connection options that Connection and NativeConnection have in common. */
export type ServerConnection = Pick<ConnectionOptions, 'address' | 'tls'> & {
  address: string;
  apiKey?: string;
};

const GRPC_OK = 0;
const GRPC_NOT_FOUND = 5;
const GRPC_PERMISSION_DENIED = 7;

/** Ready means: the namespace is there, so a workflow can be started now. Never throws. */
export async function probeServer(
  server: ServerConnection,
  namespace: string,
  timeoutMs: number,
): Promise<Probe> {
  const unreachable = await probePort(server.address, timeoutMs);
  if (unreachable !== null) return { status: 'silent', reason: unreachable };
  try {
    const { code, message } = await describeNamespace(server, namespace, timeoutMs);
    if (code === GRPC_NOT_FOUND) return { status: 'no_namespace' };
    // A key may be good for runs and not for this question.
    if (code === GRPC_OK || code === GRPC_PERMISSION_DENIED) return { status: 'ready' };
    return {
      status: 'silent',
      reason: `what listens there refuses to answer (${message || `gRPC ${code}`})`,
    };
  } catch (error) {
    return { status: 'silent', reason: `something listens there, but not as Temporal (${messageOf(error)})` };
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

interface GrpcStatus {
  code: number;
  message: string;
}

/**
 * One gRPC call of which only the status is read. The SDK's client would take 0.3 s to load, to connect and to make
 * sense of the answer, before a command knows whether it has a server at all.
 * @throws Error for anything that is not gRPC, or silent
 */
function describeNamespace(
  server: ServerConnection,
  namespace: string,
  timeoutMs: number,
): Promise<GrpcStatus> {
  const session = openHttp2(server);
  const answer = new Promise<GrpcStatus>((resolve, reject) => {
    session.on('error', reject);
    const call = session.request({
      ':method': 'POST',
      ':path': '/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace',
      'content-type': 'application/grpc',
      te: 'trailers',
      'temporal-namespace': namespace,
      ...(server.apiKey !== undefined && { authorization: `Bearer ${server.apiKey}` }),
    });
    const read = (headers: IncomingHttpHeaders): void => {
      const status = readStatus(headers);
      if (status) resolve(status);
    };
    // An answer without a body has its status in the head, others behind the body.
    call.on('response', read).on('trailers', read).on('error', reject).resume();
    call.on('close', () => reject(new Error('no gRPC')));
    call.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    call.end(frameRequest(namespace));
  });
  return answer.finally(() => session.destroy());
}

function openHttp2({ address, tls, apiKey }: ServerConnection): ClientHttp2Session {
  const { host, port } = splitAddress(address);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const secure = tls === undefined || tls === null ? apiKey !== undefined : tls !== false;
  if (!secure) return connectHttp2(`http://${authority}`);
  const {
    serverRootCACertificate: ca,
    clientCertPair,
    serverNameOverride,
  } = typeof tls === 'object' && tls ? tls : {};
  return connectHttp2(`https://${authority}`, {
    ...(ca && { ca: Buffer.from(ca) }),
    ...(clientCertPair && { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }),
    ...(serverNameOverride && { servername: serverNameOverride }),
  });
}

function readStatus(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const { 'grpc-status': code, 'grpc-message': message = '' } = headers;
  return code === undefined
    ? undefined
    : { code: Number(code), message: decodeURIComponent(String(message)) };
}

/** DescribeNamespaceRequest { string namespace = 1 }, uncompressed, with its length before it. */
function frameRequest(namespace: string): Buffer {
  const text = Buffer.from(namespace);
  const size = text.length < 128 ? [text.length] : [(text.length & 127) | 128, text.length >> 7];
  const message = Buffer.concat([Buffer.from([0x0a, ...size]), text]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
