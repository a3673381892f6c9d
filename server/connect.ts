/** Which Temporal server a command works with, and how to connect to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type * as TemporalClient from '@temporalio/client';
import { FlexetlError, messageOf } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { holdEmbeddedServer, type EmbeddedOptions, type EmbeddedServer } from './embedded-server';
import { probeServer, type Probe, type ServerConnection } from './server-probe';

type Env = Readonly<Record<string, string | undefined>>;

export interface ServerOptions {
  /** Holds `.flexetl`. */
  projectDir: string;
  /** Usually process.env. Read: TEMPORAL_ADDRESS and its companions, TEMPORAL_CLI_PATH, PATH, the cache folder. */
  env: Env;
  log?: (message: string) => void;
  /** Run the embedded server on exactly this port, whatever other servers there are. */
  port?: number;
  /** Default: `port` + 1000. */
  uiPort?: number;
  /** Where a server that somebody else started on this machine is looked for. Default FLEXETL_LOCAL_PORT or 7233. */
  localPort?: number;
  /** Called while an embedded server is starting: time for work of one's own. */
  whileStarting?: () => void;
}

export interface Server {
  address: string;
  namespace: string;
  uiUrl?: string;
  /** configured: TEMPORAL_ADDRESS; local: found on its usual port; embedded: this project's own. */
  kind: 'configured' | 'local' | 'embedded';
  /** Call it when done, once the worker is shut down: ends the embedded server unless others use it. */
  release(): Promise<void>;
  /** Resolves when the server runs; an embedded one that was killed is started again. */
  ensureAlive(): Promise<void>;
}

/**
 * Finds or starts the server, in this order: the one named in TEMPORAL_ADDRESS, the one this project already runs,
 * one on localhost:7233, a new one for this project.
 * @throws FlexetlError SERVER_UNREACHABLE, SERVER_BINARY_MISSING, SERVER_PORT_TAKEN, PATH_UNWRITABLE, CONFIG_INVALID
 */
export async function acquireServer(options: ServerOptions): Promise<Server> {
  const { env, log = () => undefined, port } = options;
  const ports = port === undefined ? {} : { ports: { port, uiPort: options.uiPort ?? port + 1000 } };
  const embedded = {
    stateDir: join(options.projectDir, '.flexetl'),
    env,
    log,
    ...ports,
    ...(options.whileStarting && { whileStarting: options.whileStarting }),
  };
  if (port === undefined && env['TEMPORAL_ADDRESS']) return useConfigured(env['TEMPORAL_ADDRESS'], env);
  const own = await joinOwn(embedded);
  if (own) return asServer(own);
  const localPort = options.localPort ?? Number(env['FLEXETL_LOCAL_PORT'] || 7233);
  const local = port === undefined ? await findLocal(localPort, env) : null;
  if (local) return local;
  const started = await holdEmbeddedServer({ ...embedded, start: true });
  if (!started) throw new FlexetlError('INTERNAL', { message: 'The embedded server was not started.' });
  return asServer(started);
}

/** An unwritable .flexetl matters only if a server has to be started in it, which will say so. */
async function joinOwn(embedded: Omit<EmbeddedOptions, 'start'>): Promise<EmbeddedServer | null> {
  try {
    return await holdEmbeddedServer({ ...embedded, start: false });
  } catch (error) {
    if (error instanceof FlexetlError && error.code === 'PATH_UNWRITABLE') return null;
    throw error;
  }
}

function asServer(embedded: EmbeddedServer): Server {
  return { ...embedded, kind: 'embedded', namespace: 'default' };
}

const NOTHING_TO_DO = { release: () => Promise.resolve(), ensureAlive: () => Promise.resolve() };

/** A server that is just starting gets a few seconds; then it is an error, never a silent change to another server. */
async function useConfigured(address: string, env: Env): Promise<Server> {
  const server: Server = { ...NOTHING_TO_DO, address, namespace: namespaceOf(env), kind: 'configured' };
  const deadlineMs = Date.now() + (isUrl(address) ? 0 : LIMITS.serverConnectMs);
  for (;;) {
    const leftMs = Math.max(deadlineMs - Date.now(), 1);
    const probe = await probeServer(connectionOptions(server, env), server.namespace, leftMs);
    if (probe.status === 'ready') return server;
    if (probe.status === 'no_namespace' || Date.now() >= deadlineMs) throw unreachable(server, probe);
    await delay(100);
  }
}

function unreachable(
  { address, namespace }: Server,
  probe: Exclude<Probe, { status: 'ready' }>,
): FlexetlError {
  if (probe.status === 'no_namespace') {
    return new FlexetlError('SERVER_UNREACHABLE', {
      message: `The Temporal server at ${address} has no namespace "${namespace}".`,
      hint: `Name an existing one in TEMPORAL_NAMESPACE, or create it: temporal operator namespace create ${namespace}`,
    });
  }
  return new FlexetlError('SERVER_UNREACHABLE', {
    message: `The Temporal server at ${address} (TEMPORAL_ADDRESS) does not answer: ${probe.reason}.`,
    hint: isUrl(address)
      ? 'TEMPORAL_ADDRESS is host:port, without a scheme.'
      : 'Start it, correct the address (and TEMPORAL_TLS, TEMPORAL_API_KEY), or unset TEMPORAL_ADDRESS to use an embedded server.',
  });
}

function isUrl(address: string): boolean {
  return address.includes('://');
}

/** Anything else that listens there is no error: it only is not what is looked for. */
async function findLocal(port: number, env: Env): Promise<Server | null> {
  const address = `127.0.0.1:${port}`;
  const namespace = namespaceOf(env);
  const server: Server = { ...NOTHING_TO_DO, address, namespace, kind: 'local' };
  const probe = await probeServer({ address }, namespace, LIMITS.serverProbeMs);
  if (probe.status === 'silent') return null;
  if (probe.status === 'no_namespace') throw unreachable(server, probe);
  const uiUrl = `http://127.0.0.1:${port + 1000}`;
  return (await isWebUi(uiUrl)) ? { ...server, uiUrl } : server;
}

/** The dev server shows its Web UI 1000 ports higher; other installations elsewhere. */
async function isWebUi(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(LIMITS.serverProbeMs);
  const settings = await fetch(`${url}/api/v1/settings`, { signal }).then(
    (response) => response.text(),
    () => '',
  );
  return settings.includes('TemporalSystemNamespace');
}

function namespaceOf(env: Env): string {
  return env['TEMPORAL_NAMESPACE'] || 'default';
}

/**
 * What `Connection.connect` and `NativeConnection.connect` need. TEMPORAL_API_KEY, TEMPORAL_TLS and the
 * TEMPORAL_TLS_* files belong to TEMPORAL_ADDRESS; the names are those of Temporal's own tools.
 * @throws FlexetlError CONFIG_INVALID for a certificate file that cannot be read
 */
export function connectionOptions(server: Pick<Server, 'address' | 'kind'>, env: Env): ServerConnection {
  const { address } = server;
  if (server.kind !== 'configured') return { address };
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

/** A client that connects while others go on; close it with `client.connection.close()`. */
export function connectClient(server: Server, env: Env): TemporalClient.Client {
  const { Client, Connection } = loadClient();
  const connection = Connection.lazy(connectionOptions(server, env));
  // Its first call tells what went wrong.
  connection.ensureConnected().catch(() => undefined);
  return new Client({ connection, namespace: server.namespace });
}

/** The SDK's client, loaded at the first use: it takes 0.2 s. */
function loadClient(): typeof TemporalClient {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- test runners load no `import()` without flags
  return require('@temporalio/client') as typeof TemporalClient;
}
