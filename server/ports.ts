/** TCP ports on 127.0.0.1 for the embedded server and its Web UI. */
import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import { probeServer } from './client';

export interface Ports {
  port: number;
  uiPort: number;
}

const HOST = '127.0.0.1';

/**
 * The pair that belongs to the project if it is free (so that the link to its Web UI is the same for every run),
 * else any pair. Never 7233: other projects would use this project's server.
 */
export async function choosePorts(stateDir: string): Promise<Ports> {
  // Below the ranges that Linux and macOS use for outgoing connections.
  const slot = createHash('sha256').update(stateDir).digest().readUInt16BE(0) % 1000;
  const usual = { port: 17_000 + slot, uiPort: 18_000 + slot };
  if ((await isFree(usual.port)) && (await isFree(usual.uiPort))) return usual;
  // Both are held open at once, so they differ.
  const held = [await listen(0), await listen(0)];
  const [port = 0, uiPort = 0] = held.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(held.map(close));
  return { port, uiPort };
}

/** @throws FlexetlError SERVER_PORT_TAKEN, with what answers there, if that can be found out */
export async function assertPortsFree({ port, uiPort }: Ports): Promise<void> {
  for (const taken of [port, uiPort]) {
    if (await isFree(taken)) continue;
    throw new FlexetlError('SERVER_PORT_TAKEN', {
      message: `Port ${taken} on ${HOST} is in use: ${await describePort(taken)} there.`,
      hint:
        taken === port
          ? 'End that process, choose another port, or name the server in TEMPORAL_ADDRESS if it is the one you want.'
          : 'End that process, or choose another port for the Web UI.',
    });
  }
}

async function describePort(port: number): Promise<string> {
  const address = `${HOST}:${port}`;
  const probe = await probeServer({ address }, 'default', LIMITS.serverProbeMs);
  if (probe.status !== 'silent') return 'a Temporal server answers';
  const signal = AbortSignal.timeout(LIMITS.serverProbeMs);
  const response = await fetch(`http://${address}/`, { signal }).catch(() => null);
  await response?.body?.cancel();
  if (response) return `an HTTP server (${response.headers.get('server') ?? 'unnamed'}) answers`;
  return 'a program that is neither Temporal nor HTTP listens';
}

async function isFree(port: number): Promise<boolean> {
  try {
    await close(await listen(port));
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: HOST, port, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
