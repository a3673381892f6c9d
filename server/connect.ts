/** Chooses the Temporal server of a command. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { probeServer, type Probe } from './client';
import { type Env, type ServerAddress } from './named-server';
import { joinEmbeddedServer, startEmbeddedServer, type EmbeddedOptions } from './embedded-server';
import { connectionOptions, findNamedServer, type NamedServer } from './named-server';
import { hasDatabase } from './server-process';
import { untilStopped } from './stop';

export interface ServerOptions extends Pick<EmbeddedOptions, 'env' | 'whileStarting' | 'stopped'> {
  /** Holds `.flexetl`. */
  projectDir: string;
  log?: (message: string) => void;
  /** Run the embedded server on exactly this port, whatever other servers there are. */
  port?: number;
  /** Default: `port` + 1000. */
  uiPort?: number;
  /** The port of another server on this machine, for a project without a server of its own. Default FLEXETL_LOCAL_PORT. */
  localPort?: number;
}

export interface Server extends ServerAddress {
  uiUrl?: string;
  /** Call it at the end, after the worker is shut down: ends the embedded server unless other commands use it. */
  release(): Promise<void>;
}

/**
 * Finds or starts the server: the one that the environment names, else the project's own. A project stays with the
 * server that has its runs, so a server that happens to run on this machine is used only if it is named
 * (FLEXETL_LOCAL_PORT), and only by a project that has no server of its own yet.
 * @throws FlexetlError SERVER_UNREACHABLE, SERVER_BINARY_MISSING, SERVER_PORT_TAKEN, PATH_UNWRITABLE, CONFIG_INVALID
 */
export async function acquireServer(options: ServerOptions): Promise<Server> {
  const { projectDir, env, log = () => undefined, port, uiPort } = options;
  const stateDir = join(projectDir, '.flexetl');
  const embedded: EmbeddedOptions = {
    stateDir,
    env,
    log,
    ...(port !== undefined && { ports: { port, uiPort: uiPort ?? port + 1000 } }),
    ...(options.whileStarting && { whileStarting: options.whileStarting }),
    ...(options.stopped && { stopped: options.stopped }),
  };
  const say = (server: Server, name: string): Server => {
    log(`Using the Temporal server at ${server.address} (${name}), namespace ${server.namespace}.`);
    return server;
  };
  const named = port === undefined ? findNamedServer(env) : undefined;
  if (named) return say(await untilStopped(useNamed(named, env), options.stopped), named.by);
  const own = await joinEmbeddedServer(embedded);
  const localPort = options.localPort ?? Number(env['FLEXETL_LOCAL_PORT']);
  const mayUseLocal = !own && port === undefined && localPort > 0 && !hasDatabase(stateDir);
  const local = mayUseLocal ? await findLocal(localPort, env) : null;
  if (local) return say(local, 'FLEXETL_LOCAL_PORT');
  return { ...(own ?? (await startEmbeddedServer(embedded))), kind: 'embedded', namespace: 'default' };
}

/** A server that is just starting gets a few seconds. After that it is an error; no other server is used silently. */
async function useNamed({ address, namespace, by }: NamedServer, env: Env): Promise<Server> {
  const server: Server = { address, kind: 'configured', namespace, release: () => Promise.resolve() };
  const deadlineMs = Date.now() + (isUrl(address) ? 0 : LIMITS.serverConnectMs);
  for (;;) {
    const leftMs = Math.max(deadlineMs - Date.now(), 1);
    const probe = await probeServer(connectionOptions(server, env), server.namespace, leftMs);
    if (probe.status === 'ready') return server;
    if (probe.status === 'no_namespace' || Date.now() >= deadlineMs) throw unreachable(server, by, probe);
    await delay(100);
  }
}

function unreachable(
  { address, namespace }: Server,
  by: string,
  probe: Exclude<Probe, { status: 'ready' }>,
): FlexetlError {
  if (probe.status === 'no_namespace') {
    return new FlexetlError('SERVER_UNREACHABLE', {
      message: `The Temporal server at ${address} has no namespace "${namespace}".`,
      hint: `Name an existing one in TEMPORAL_NAMESPACE, or create it: temporal operator namespace create ${namespace}`,
    });
  }
  return new FlexetlError('SERVER_UNREACHABLE', {
    message: `The Temporal server at ${address} (${by}) does not answer: ${probe.reason}.`,
    hint: isUrl(address)
      ? 'TEMPORAL_ADDRESS is host:port, without a scheme.'
      : 'Start it, correct the address (and TEMPORAL_TLS, TEMPORAL_API_KEY), or unset it to use an embedded server.',
  });
}

function isUrl(address: string): boolean {
  return address.includes('://');
}

/** Another program that listens there is not an error: it is ignored. */
async function findLocal(port: number, env: Env): Promise<Server | null> {
  const namespace = env['TEMPORAL_NAMESPACE'] || 'default';
  const server: Server = {
    address: `127.0.0.1:${port}`,
    kind: 'local',
    namespace,
    release: () => Promise.resolve(),
  };
  const probe = await probeServer({ address: server.address }, server.namespace, LIMITS.serverProbeMs);
  if (probe.status === 'silent') return null;
  if (probe.status === 'no_namespace') throw unreachable(server, 'FLEXETL_LOCAL_PORT', probe);
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
