/** Starts the dev server of a test run and prints its address and process id. */
import { choosePorts } from '../../server/ports';
import { addressOf, startServer } from '../../server/server-process';
import { findTemporalServer } from '../../server/temporal-server';
import { makeFolder } from './folder';

async function start(): Promise<void> {
  const stateDir = makeFolder();
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const binary = await findTemporalServer({ env: process.env, log });
  const server = await startServer(stateDir, binary, await choosePorts(stateDir));
  process.stdout.write(JSON.stringify({ pid: server.pid, address: addressOf(server), stateDir }));
  process.exit(0);
}

void start();
