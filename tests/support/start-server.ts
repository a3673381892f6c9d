/** Starts the dev server of a test run and prints its address and process id. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choosePorts } from '../../worker/ports';
import { addressOf, startServer } from '../../worker/server-process';
import { findTemporalServer } from '../../worker/temporal-server';

async function start(): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), 'flexetl-tests-'));
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const binary = await findTemporalServer({ env: process.env, log });
  const server = await startServer(stateDir, binary, await choosePorts(stateDir, []));
  process.stdout.write(JSON.stringify({ pid: server.pid, address: addressOf(server), stateDir }));
  process.exit(0);
}

void start();
