/**
 * Records the histories that `replay.test.ts` replays: `npm run record-histories`, after `npm run build`.
 *
 * Only for a workflow that has not been released, or to add scenarios: a history of a released workflow is kept
 * as it is, for runs of it may be open when a new version is installed. A change goes behind `patched()`.
 */
import { mkdirSync } from 'node:fs';
import { choosePorts } from '../../server/ports';
import { addressOf, endServer, startServer } from '../../server/server-process';
import { findTemporalServer } from '../../server/temporal-server';
import { makeFolder, removeFolders } from '../support/folder';
import { HISTORIES, writeHistory } from './history-file';
import { playScenarios } from './scenarios';

async function record(): Promise<void> {
  const stateDir = makeFolder();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const binary = await findTemporalServer({ env: process.env, log: say });
  const server = await startServer(stateDir, binary, await choosePorts(stateDir));
  process.env['FLEXETL_TEST_ADDRESS'] = addressOf(server);
  mkdirSync(HISTORIES, { recursive: true });
  try {
    await playScenarios(async (name, handle) => {
      const { status } = await handle.describe();
      writeHistory(`${name}.json`, await handle.fetchHistory());
      say(`${name}: ${status.name}`);
    });
  } finally {
    await endServer(server);
    removeFolders();
  }
}

record().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
