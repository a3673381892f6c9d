/**
 * Records the histories that `replay.test.ts` replays: `npm run record-histories`. Files of this version are replaced.
 *
 * Only before this version is released, or to add scenarios: runs of a released version may be open when a newer one
 * is installed, so its histories stay as they are, a change of the workflow goes behind `patched()`, and the next
 * version's histories come beside them.
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
      writeHistory(name, await handle.fetchHistory());
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
