/** A Temporal dev server that is already there when a command starts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { probeServer } from '../server/client';
import { findTemporalServer } from '../server/temporal-server';

const READY_MS = 20_000;

export interface DevServer {
  address: string;
  stop(): Promise<void>;
}

/** Starts a server on a free port. */
export async function startDevServer(log: (message: string) => void): Promise<DevServer> {
  const binary = await findTemporalServer({ env: process.env, log });
  const port = await freePort();
  const args = ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)];
  const server = spawn(binary, [...args, '--log-level', 'error'], { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    server.kill();
    await exited;
  };
  const address = `127.0.0.1:${port}`;
  try {
    await waitUntilReady(address);
    return { address, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function waitUntilReady(address: string): Promise<void> {
  const deadlineMs = Date.now() + READY_MS;
  for (;;) {
    const probe = await probeServer({ address }, 'default', 1000);
    if (probe.status === 'ready') return;
    if (Date.now() > deadlineMs) throw new Error(`The Temporal server at ${address} did not get ready.`);
    await delay(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
